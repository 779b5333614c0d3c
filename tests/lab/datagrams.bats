#!/usr/bin/env bats
# Datagrams that show no name: their service is known by the answer that the client got from DNS.
# Nobody is at home at the cutoff, and the client is told by ICMP or ICMPv6.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
  lab_echo
  lab_policy enforce 6
  lab_daemon
}

teardown_file() {
  lab_down
}

@test "streams of datagrams run up to the cutoff, and the daemon is killed before it" {
  lab_stream four dc1.ksn.kaspersky-labs.com A
  lab_stream six dc1.ksn.kaspersky-labs.com AAAA
  lab_stream permitted tip.kaspersky.com A
  lab_stream unrelated www.example.org AAAA
  for tag in four six permitted unrelated; do
    lab_wait 2 grep -q '^begun' "$LAB_DIR/$tag.log"
  done
  lab_until "$(($(lab_cutoff) - 1))"
  lab_stop cutoffd KILL
  for tag in four six permitted unrelated; do
    lab_is_running "$tag"
  done
  (($(date +%s) < $(lab_cutoff)))
}

# told_in_time TAG ERROR: the last answer came before the cutoff, the error at most 100 ms after it.
told_in_time() {
  local error last at
  lab_wait 3 lab_stream_end "$1"
  read -r error last at < <(lab_stream_end "$1")
  echo "$1: $error, the last answer $(lab_milliseconds "$last" "$(lab_cutoff)") ms," \
    "the error $(lab_milliseconds "$at" "$(lab_cutoff)") ms after the cutoff"
  [ "$error" = "$2" ] || return
  [ "$(lab_milliseconds "$at" "$(lab_cutoff)")" -ge 0 ] || return
  [ "$(lab_milliseconds "$at" "$(lab_cutoff)")" -le 100 ] || return
  [ "$(lab_milliseconds "$last" "$(lab_cutoff)")" -le 10 ]
}

@test "at the cutoff the client is told that it is prohibited, by ICMP" {
  lab_until "$(lab_cutoff)" 200
  told_in_time four EHOSTUNREACH
}

@test "and by ICMPv6" {
  told_in_time six EACCES
}

@test "permitted and unrelated datagrams go on" {
  lab_is_running permitted
  lab_is_running unrelated
  run ! grep -h '^ended' "$LAB_DIR/permitted.log" "$LAB_DIR/unrelated.log"
}
