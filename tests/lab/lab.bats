#!/usr/bin/env bats
# The lab itself: what the other files here build on, and that it leaves nothing behind.

load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
}

teardown_file() {
  lab_down
}

@test "every name is served under its own certificate, IPv4 and IPv6" {
  local name
  for name in "${LAB_BANNED[@]}" "${LAB_PERMITTED[@]}" "${LAB_UNRELATED[@]}"; do
    [ "$(lab_fetch "$name" -4)" = "$name" ]
    [ "$(lab_fetch "$name" -6)" = "$name" ]
    [ "$(lab_fetch_plain "$name")" = "$name" ]
  done
}

@test "a name under another's certificate is not believed" {
  run lab_fetch nobody.example --connect-to ::www.example.org:
  [ "$status" -eq 60 ]
}

@test "every name is served at the shared address too" {
  [ "$(lab_fetch tip.kaspersky.com --connect-to "::$LAB_SHARED_4:")" = tip.kaspersky.com ]
}

@test "the resolver knows the lab's names and no others" {
  [ "$(lab_in client dig +short s07.upd.kaspersky.com)" = 192.0.2.10 ]
  [ "$(lab_in client dig +short AAAA s07.upd.kaspersky.com)" = 2001:db8:47::10 ]
  lab_in client dig nobody.example | grep -q NXDOMAIN
}

@test "a slow download goes on, and both ends write down when it ends" {
  local status instant
  lab_download slow https://www.example.org/slow
  lab_until "$(($(date +%s) + 2))"
  lab_download_grows slow
  run lab_download_end slow
  [ "$status" -ne 0 ]

  lab_stop nginx
  lab_wait 5 lab_download_end slow
  read -r status instant < <(lab_download_end slow)
  [ "$status" -eq 18 ]
  [ "$(lab_milliseconds "$(lab_now)" "$instant")" -lt 3000 ]
}

@test "a download from which nothing comes any more ends as that" {
  local status
  lab_server
  lab_download silent https://www.example.org/slow
  lab_in gateway ip link set wan0 down
  lab_wait 20 lab_download_end silent
  lab_in gateway ip link set wan0 up
  read -r status _ < <(lab_download_end silent)
  [ "$status" -eq 28 ]
}

has_ended() {
  [[ -z $(lab_process_start "$1") ]]
}

# What is left of the lab in this folder: nothing.
left_behind() {
  local pid
  [[ ! -e $1 ]] || echo "folder $1"
  ip netns list | grep -- "-${1##*.}-"
  for pid in $2; do
    [[ -z $(lab_process_start "$pid") ]] || echo "process $pid"
  done
}

@test "taken down, it leaves no namespace, no process and no file" {
  local dir pids
  dir=$("$LAB_TREE/scripts/lab" up)
  pids=$(cut -d ' ' -f 1 "$dir"/pids/*)
  [ "$(wc -w <<<"$pids")" -eq 2 ]
  [ "$(ip netns list | grep -c -- "-${dir##*.}-")" -eq 3 ]
  "$LAB_TREE/scripts/lab" -d "$dir" down
  [ -z "$(left_behind "$dir" "$pids")" ]
}

@test "interrupted while it is made, it leaves nothing either" {
  local tmp pid dir
  tmp=$(mktemp -d)
  LAB_PARENT=$tmp "$LAB_TREE/scripts/lab" up >/dev/null 2>&1 3>&- &
  pid=$!
  lab_wait 10 compgen -G "$tmp/cutoffd-lab.*/nginx.conf"
  dir=$(compgen -G "$tmp/cutoffd-lab.*")
  kill -TERM "$pid"
  lab_wait 20 has_ended "$pid"
  [ -z "$(left_behind "$dir" '')" ]
  rmdir "$tmp"
}

@test "failing while it is made, it leaves nothing either" {
  local tmp=$BATS_TEST_TMPDIR
  mkdir "$tmp/bin"
  printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/nginx"
  chmod 755 "$tmp/bin/nginx"
  mkdir "$tmp/work"
  PATH=$tmp/bin:$PATH LAB_PARENT=$tmp/work run "$LAB_TREE/scripts/lab" up
  [ "$status" -eq 1 ]
  [[ $output == *'web server does not answer'* ]]
  rmdir "$tmp/work"
}

@test "a demo that is interrupted leaves nothing either" {
  local tmp pid dir pids
  tmp=$(mktemp -d)
  chmod 755 "$tmp"
  env -u MAKEFLAGS -u MAKELEVEL LAB_PARENT="$tmp" "$LAB_TREE/scripts/demo" >/dev/null 2>&1 3>&- &
  pid=$!
  lab_wait 60 compgen -G "$tmp/cutoffd-lab.*/unrelated.data"
  dir=$(compgen -G "$tmp/cutoffd-lab.*")
  pids=$(cut -d ' ' -f 1 "$dir"/pids/*)
  kill -TERM "$pid"
  lab_wait 20 has_ended "$pid"
  [ -z "$(left_behind "$dir" "$pids")" ]
  rm -r "$tmp"
}
