#!/usr/bin/env bats
# The main job, told in order: before a cutoff, across it with the daemon dead, after it.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
  lab_policy enforce 9
  lab_daemon
}

teardown_file() {
  lab_down
}

teardown() {
  lab_is_sane
}

@test "before the cutoff everything passes" {
  local name
  for name in "${LAB_BANNED[@]}" "${LAB_PERMITTED[@]}" "${LAB_UNRELATED[@]}"; do
    [ "$(lab_fetch "$name" -4)" = "$name" ]
    [ "$(lab_fetch "$name" -6)" = "$name" ]
    [ "$(lab_fetch_plain "$name")" = "$name" ]
  done
  (($(date +%s) < $(lab_cutoff) - 1))
}

@test "transfers run up to the cutoff, and the daemon is killed before it" {
  lab_download tls https://s07.upd.kaspersky.com/slow
  lab_download six https://dc1.ksn.kaspersky-labs.com/slow -6
  lab_download plain http://dnl-01.geo.kaspersky.com/slow
  lab_download permitted https://tip.kaspersky.com/slow
  lab_download unrelated https://www.example.org/slow
  lab_wait 3 lab_events '.tls.sni == "dc1.ksn.kaspersky-labs.com"'
  lab_wait 3 lab_events '.http.hostname == "dnl-01.geo.kaspersky.com"'
  lab_until "$(($(lab_cutoff) - 2))"
  lab_stop cutoffd KILL
  lab_table
  for tag in tls six plain permitted unrelated; do
    lab_download_grows $tag
  done
  (($(date +%s) < $(lab_cutoff)))
}

# dead_in_time TAG NAME: at both ends, not before the cutoff and at most 100 ms after it.
dead_in_time() {
  local rc instant ms
  lab_wait 3 lab_download_end "$1"
  read -r rc instant < <(lab_download_end "$1")
  ms=$(lab_milliseconds "$instant" "$(lab_cutoff)")
  echo "$1: client: curl's status $rc, $ms ms after the cutoff"
  [ "$rc" -eq 56 ] && [ "$ms" -ge 0 ] && [ "$ms" -le 100 ] || return
  lab_wait 3 lab_server_end "$2" || return
  ms=$(lab_milliseconds "$(lab_server_end "$2")" "$(lab_cutoff)")
  echo "$1: server: $ms ms after the cutoff"
  [ "$ms" -ge 0 ] && [ "$ms" -le 100 ]
}

@test "nobody home, the open transfers die at both ends within 100 ms of the cutoff" {
  lab_until "$(lab_cutoff)" 200
  lab_is_gone cutoffd
  dead_in_time tls s07.upd.kaspersky.com
  dead_in_time six dc1.ksn.kaspersky-labs.com
  dead_in_time plain dnl-01.geo.kaspersky.com
}

@test "the permitted and the unrelated transfer go on" {
  lab_is_running permitted && lab_download_grows permitted
  lab_is_running unrelated && lab_download_grows unrelated
}

@test "a new daemon adopts the table: it is never away, and nothing that was latched is let go" {
  local latched
  latched=$(lab_in gateway nft list set inet cutoffd latched | grep -A3 elements)
  [ -n "$latched" ]
  lab_daemon
  lab_table
  [ "$(lab_in gateway nft list set inet cutoffd latched | grep -A3 elements)" = "$latched" ]
}

@test "after the cutoff new banned connections are refused at once, by IPv4, IPv6 and in the clear" {
  local name
  for name in "${LAB_BANNED[@]}"; do
    lab_refuses "https://$name" -4
    lab_refuses "https://$name" -6
    lab_refuses "http://$name" -4
    lab_refuses "http://$name" -6
  done
}

@test "after the cutoff the permitted and the unrelated pass as before" {
  local name
  for name in "${LAB_PERMITTED[@]}" "${LAB_UNRELATED[@]}"; do
    [ "$(lab_fetch "$name" -4)" = "$name" ]
    [ "$(lab_fetch "$name" -6)" = "$name" ]
    [ "$(lab_fetch_plain "$name")" = "$name" ]
  done
}

@test "at one and the same address the banned name is refused and the others pass" {
  local at="::$LAB_SHARED_4:"
  lab_refuses https://s07.upd.kaspersky.com --connect-to "$at"
  [ "$(lab_fetch tip.kaspersky.com --connect-to "$at")" = tip.kaspersky.com ]
  lab_refuses https://s07.upd.kaspersky.com --connect-to "$at"
  [ "$(lab_fetch www.example.org --connect-to "$at")" = www.example.org ]
}

@test "a banned request on a connection that was another name's before is refused" {
  run lab_in client curl -sS -v --max-time 5 http://www.example.org/ \
    --next -sS -v --max-time 5 -o /dev/null -H 'Host: s07.upd.kaspersky.com' \
    http://www.example.org/slow
  echo "$output"
  [ "$status" -eq 56 ]
  grep -q 'Re-using existing connection' <<<"$output"
}

@test "the events say so, and are what the schema says" {
  lab_wait 3 lab_events '.tls.sni == "s07.upd.kaspersky.com" and .cutoff.verdict == "reject"'
  lab_events '.tls.sni == "s07.upd.kaspersky.com" and .cutoff.verdict == "allow"'
  lab_events '.http.hostname == "dnl-01.geo.kaspersky.com" and .cutoff.verdict == "reject"'
  run ! lab_events '.cutoff.service == "threat-intelligence" and .cutoff.verdict != "allow"'
  run ! lab_events '.tls.sni == "www.example.org" and .cutoff.verdict != "allow"'
  "$LAB_TREE/tests/schema-check" <"$LAB_DIR/events.json"
}
