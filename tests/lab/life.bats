#!/usr/bin/env bats
# Starting, reloading, stopping: what stays in force, and what the operator is told.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
}

teardown_file() {
  lab_down
}

teardown() {
  local sane=0
  lab_stop cutoffd
  lab_is_sane || sane=1
  lab_in gateway nft delete table inet cutoffd 2>/dev/null || :
  rm -rf "$LAB_DIR/state" "$LAB_DIR/run" "$LAB_DIR/events.json" "$LAB_DIR/cutoffd.log"
  return $sane
}

refuses() {
  lab_refuses https://s07.upd.kaspersky.com
}

@test "it tells systemd when it is ready, feeds the watchdog, and says when it stops" {
  lab_policy enforce 3600
  lab_daemon
  lab_wait 5 grep -q '^WATCHDOG=1' "$LAB_DIR/notify.log"
  lab_stop cutoffd
  grep -q '^STOPPING=1' "$LAB_DIR/notify.log"
}

@test "a stop or an end lifts nothing" {
  lab_policy enforce -60
  lab_daemon
  refuses
  lab_stop cutoffd
  lab_table
}

@test "a reload keeps the cutoff in force, and takes the new settings" {
  lab_policy enforce -60
  lab_daemon
  refuses
  sed -i 's/^mode: enforce/mode: observe/' "$LAB_DIR/cutoffd.yaml"
  kill -HUP "$(lab_pid cutoffd)"
  lab_wait 5 lab_events '.event_type == "cutoff" and .cutoff.kind == "reload"'
  [ "$(lab_fetch s07.upd.kaspersky.com)" = s07.upd.kaspersky.com ]
}

@test "a reload in the middle of everything lets nothing through" {
  local _
  lab_policy enforce -60
  lab_daemon
  for _ in 1 2 3 4 5 6 7 8; do
    kill -HUP "$(lab_pid cutoffd)"
    refuses
  done
}

@test "a reload of settings with an error changes nothing that runs" {
  lab_policy enforce -60
  lab_daemon
  sed -i 's/^mode: enforce/mode: observ/' "$LAB_DIR/cutoffd.yaml"
  kill -HUP "$(lab_pid cutoffd)"
  lab_wait 5 grep -q 'cutoffd.yaml:.*observ' "$LAB_DIR/cutoffd.log"
  lab_is_running cutoffd
  refuses
}

@test "cutoffctl: status, and a reload by the control socket" {
  lab_policy enforce 3600
  lab_daemon
  run lab_ctl status
  [ "$status" -eq 0 ]
  [[ $output == *enforce* ]]
  [ "$(stat -c %a "$LAB_DIR/run/control.sock")" = 660 ]
  run lab_ctl reload
  [ "$status" -eq 0 ]
  lab_wait 5 lab_events '.event_type == "cutoff" and .cutoff.kind == "reload"'
}

@test "stop-enforcing ends the daemon and takes the table away" {
  lab_policy enforce -60
  lab_daemon
  refuses
  run lab_in gateway "$LAB_BUILD/cutoffd" stop-enforcing -c "$LAB_DIR/cutoffd.yaml"
  [ "$status" -eq 0 ]
  lab_is_gone cutoffd
  run ! lab_table
  [ "$(lab_fetch s07.upd.kaspersky.com)" = s07.upd.kaspersky.com ]
  lab_events '.cutoff.kind == "stop" and (.cutoff.text | test("stop-enforcing"))'
  run lab_in gateway "$LAB_BUILD/cutoffd" stop-enforcing -c "$LAB_DIR/cutoffd.yaml"
  [ "$status" -eq 0 ]
  [[ $output == *"there is no table"* ]]
}

@test "an event file that was moved away is made anew on SIGHUP, also for the next recorder" {
  lab_policy enforce -60
  lab_daemon
  mv "$LAB_DIR/events.json" "$LAB_DIR/events.json.1"
  kill -HUP "$(lab_pid cutoffd)"
  lab_wait 5 test -e "$LAB_DIR/events.json"
  refuses
  lab_wait 5 lab_events '.event_type == "tls" and .cutoff.verdict == "reject"'
  rm "$LAB_DIR/events.json"
  kill -KILL "$(lab_role recorder)"
  lab_wait 5 test -e "$LAB_DIR/events.json"
  lab_wait 5 lab_ctl status
}

@test "a cutoff that came while nobody was here is told at the start" {
  lab_policy enforce -60
  lab_daemon
  lab_wait 5 lab_events '.cutoff.kind == "stage" and (.cutoff.text | test("before this start"))'
}

@test "a flood of reloads by the control socket lets nothing through" {
  local _
  lab_policy enforce -60
  lab_daemon
  lab_spawn flood gateway sh -c "while :; do '$LAB_BUILD/cutoffctl' reload -s '$LAB_DIR/run/control.sock' >/dev/null; done"
  for _ in 1 2 3 4 5 6 7 8; do
    refuses
  done
  lab_stop flood
}

@test "a directory where others may write is refused" {
  lab_policy enforce -60
  mkdir -p "$LAB_DIR/run"
  chmod 777 "$LAB_DIR/run"
  run lab_in gateway "$LAB_BUILD/cutoffd" run -c "$LAB_DIR/cutoffd.yaml"
  [ "$status" -eq 1 ]
  [[ $output == *"others may write there"* ]]
}

@test "stop-enforcing takes away the table of a daemon that was killed" {
  lab_policy enforce -60
  lab_daemon
  lab_stop cutoffd KILL
  lab_table
  run lab_in gateway "$LAB_BUILD/cutoffd" stop-enforcing -c "$LAB_DIR/cutoffd.yaml"
  [ "$status" -eq 0 ]
  run ! lab_table
}

@test "observing refuses nothing, and writes down what it would have refused" {
  lab_policy observe -60
  lab_daemon
  [ "$(lab_fetch s07.upd.kaspersky.com)" = s07.upd.kaspersky.com ]
  lab_download open https://dc1.ksn.kaspersky-labs.com/slow
  lab_download_grows open
  lab_wait 3 lab_events '.tls.sni == "s07.upd.kaspersky.com" and .cutoff.verdict == "observe"
    and .cutoff.would == "reject"'
  run ! lab_events '.cutoff.verdict == "reject"'
  lab_stop open
}

@test "only the scope's clients are refused" {
  lab_policy enforce -60 "    scopes: [first]" 'scopes:' "  first: {sources: [$LAB_CLIENT_4/32]}"
  sed -i '/scopes: \[first\]/d; s/^    stages: \[updates\]$/&\n    scopes: [first]/' \
    "$LAB_DIR/cutoffd.yaml"
  lab_daemon
  refuses
  [ "$(lab_fetch s07.upd.kaspersky.com -4 --interface "$LAB_OTHER_CLIENT_4")" = s07.upd.kaspersky.com ]
}

@test "behind a masquerade the right client is refused" {
  lab_masquerade
  lab_policy enforce -60
  lab_daemon
  refuses
  [ "$(lab_fetch tip.kaspersky.com)" = tip.kaspersky.com ]
  lab_wait 3 lab_events ".cutoff.verdict == \"reject\" and .src_ip == \"$LAB_CLIENT_4\""
  lab_in gateway nft delete table inet lab_nat
}

@test "a second instance is told who runs already" {
  lab_policy enforce 3600
  lab_daemon
  run lab_in gateway "$LAB_BUILD/cutoffd" run -c "$LAB_DIR/cutoffd.yaml"
  [ "$status" -eq 1 ]
  [[ $output == *"$(lab_pid cutoffd)"* ]]
  lab_is_running cutoffd
}

@test "another instance's table is not taken from it" {
  lab_policy enforce 3600
  lab_daemon
  lab_table | grep -q owner || skip 'this kernel has no owner for tables'
  sed "s,$LAB_DIR/run,$LAB_DIR/other,; s,$LAB_DIR/state,$LAB_DIR/other," \
    "$LAB_DIR/cutoffd.yaml" >"$LAB_DIR/second.yaml"
  run lab_in gateway timeout 10 "$LAB_BUILD/cutoffd" run -c "$LAB_DIR/second.yaml"
  [ "$status" -eq 1 ]
  [[ $output == *"belongs to another running process"*"$(lab_pid cutoffd)"* ]]
  rm -rf "$LAB_DIR/other"
}

@test "without CAP_NET_ADMIN it says so and ends" {
  command -v setpriv >/dev/null || skip 'no setpriv here'
  lab_policy enforce 3600
  mkdir -p "$LAB_DIR/state" "$LAB_DIR/run"
  run lab_in gateway timeout 10 setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
    "$LAB_BUILD/cutoffd" run -c "$LAB_DIR/cutoffd.yaml"
  [ "$status" -eq 1 ]
  [[ $output == *CAP_NET_ADMIN* ]]
}

@test "an interface that is not there is named, and nobody is told that all is well" {
  lab_policy enforce 3600
  sed -i 's/wan0/wan7/' "$LAB_DIR/cutoffd.yaml"
  lab_daemon_begin
  lab_wait 5 grep -q 'wan7.*ip link' "$LAB_DIR/cutoffd.log"
  run ! grep -q '^READY=1' "$LAB_DIR/notify.log"
}

@test "settings with an error are named by file, line and column, and nothing starts" {
  lab_policy enforce 3600 'modes: enforce'
  run lab_in gateway timeout 10 "$LAB_BUILD/cutoffd" run -c "$LAB_DIR/cutoffd.yaml"
  [ "$status" -eq 1 ]
  [[ $output =~ cutoffd.yaml:[0-9]+:[0-9]+:\ error: ]]
  run ! lab_table
}
