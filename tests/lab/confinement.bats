#!/usr/bin/env bats
# What each process of the daemon may do, as the kernel tells it in /proc.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
  lab_policy enforce 3600
  lab_daemon
  lab_wait 5 lab_role sensor
  lab_wait 5 lab_role recorder
}

teardown_file() {
  lab_down
}

teardown() {
  lab_is_sane
}

# field PID NAME: a line of /proc/PID/status.
field() {
  sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

no_capability() {
  local set
  for set in CapInh CapPrm CapEff CapAmb; do
    [ "$(field "$1" $set)" = 0000000000000000 ] || return
  done
}

confined() {
  no_capability "$1" || return
  [ -z "$(field "$1" Groups | tr -d ' ')" ] || return
  [ "$(field "$1" Seccomp)" = 2 ] || return
  [ "$(field "$1" NoNewPrivs)" = 1 ] || return
  read -r real effective saved files < <(field "$1" Uid)
  [ "$real" -ne 0 ] && [ "$real" = "$effective" ] && [ "$real" = "$saved" ] && [ "$real" = "$files" ]
}

# What each open descriptor is, without its number.
descriptors() {
  find "/proc/$1/fd" -type l -printf '%f %l\n' | sort -n | sed -E 's/\[[0-9]+\]//'
}

@test "the sensor: no capability, no group, no root, seccomp, no new privileges" {
  confined "$(lab_role sensor)"
}

@test "the recorder: no capability, no group, no root, seccomp, no new privileges" {
  confined "$(lab_role recorder)"
}

@test "the main process keeps six capabilities and no more" {
  # net_admin, net_raw, setuid, setgid, kill, chown
  [ "$(awk '/^CapEff/ { print $2 }' "/proc/$(lab_pid cutoffd)/status")" = 00000000000030e1 ]
  [ "$(awk '/^CapPrm/ { print $2 }' "/proc/$(lab_pid cutoffd)/status")" = 00000000000030e1 ]
}

@test "the sensor holds nothing open but its captures, its channels and the log" {
  run descriptors "$(lab_role sensor)"
  echo "$output"
  [ "$status" -eq 0 ]
  grep -qx '0 /dev/null' <<<"$output"
  run ! grep -vE "^0 /dev/null$|^[12] $LAB_DIR/cutoffd.log$|^[0-9]+ (socket:|anon_inode:|/memfd:)" \
    <<<"$output"
}

@test "the recorder holds nothing open but the events, its sockets and the log" {
  run descriptors "$(lab_role recorder)"
  echo "$output"
  [ "$status" -eq 0 ]
  run ! grep -vE "^0 /dev/null$|^[12] $LAB_DIR/cutoffd.log$|^[0-9]+ (socket:|anon_inode:|/memfd:|$LAB_DIR/(events.json|state/))" \
    <<<"$output"
}

@test "a sensor that is killed is replaced, and the next one is as confined" {
  local old
  old=$(lab_role sensor)
  kill -KILL "$old"
  lab_wait 5 another_sensor "$old"
  lab_wait 5 confined "$(lab_role sensor)"
  lab_wait 5 lab_fetch www.example.org
  lab_wait 5 lab_events '.event_type == "cutoff" and (.cutoff.kind == "sensor")'
}

another_sensor() {
  local now
  now=$(lab_role sensor)
  [[ -n $now && $now != "$1" ]]
}

@test "the roles end with the main process, however it ends" {
  local pids pid
  pids="$(lab_role sensor) $(lab_role recorder)"
  lab_stop cutoffd KILL
  for pid in $pids; do
    lab_wait 2 has_ended "$pid"
  done
}

has_ended() {
  [[ -z $(lab_process_start "$1") ]]
}
