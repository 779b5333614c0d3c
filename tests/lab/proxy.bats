#!/usr/bin/env bats
# An explicit proxy on the gateway itself: what it asks for on behalf of its clients leaves by the
# output hook, from the gateway's own address.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

PROXY=http://10.47.0.1:8888

setup_file() {
  command -v tinyproxy >/dev/null || skip 'no tinyproxy here: scripts/setup installs it'
  lab_up
  lab_proxy
  lab_policy enforce 7
  lab_daemon
}

teardown_file() {
  lab_down
}

@test "before the cutoff the proxy fetches everything" {
  local name
  for name in s07.upd.kaspersky.com tip.kaspersky.com www.example.org; do
    [ "$(lab_fetch "$name" -x "$PROXY")" = "$name" ]
    [ "$(lab_fetch_plain "$name" -x "$PROXY")" = "$name" ]
  done
}

@test "transfers through it run up to the cutoff, and the daemon is killed before it" {
  lab_download tunnel https://s07.upd.kaspersky.com/slow -x "$PROXY"
  lab_download plain http://dnl-01.geo.kaspersky.com/slow -x "$PROXY"
  lab_download permitted https://tip.kaspersky.com/slow -x "$PROXY"
  lab_until "$(($(lab_cutoff) - 1))"
  lab_stop cutoffd KILL
  for tag in tunnel plain permitted; do
    lab_download_grows $tag
  done
  (($(date +%s) < $(lab_cutoff)))
}

# ended_in_time TAG NAME: the client by the proxy, the server by the gateway's kernel.
ended_in_time() {
  local rc instant ms
  lab_wait 3 lab_download_end "$1" || return
  read -r rc instant < <(lab_download_end "$1")
  ms=$(lab_milliseconds "$instant" "$(lab_cutoff)")
  echo "$1: client: curl's status $rc, $ms ms after the cutoff"
  [ "$rc" -ne 0 ] && [ "$rc" -ne 28 ] && [ "$ms" -ge 0 ] && [ "$ms" -le 300 ] || return
  lab_wait 3 lab_server_end "$2" || return
  ms=$(lab_milliseconds "$(lab_server_end "$2")" "$(lab_cutoff)")
  echo "$1: server: $ms ms after the cutoff"
  [ "$ms" -ge 0 ] && [ "$ms" -le 300 ]
}

@test "nobody home, the banned transfers end at both ends" {
  lab_until "$(lab_cutoff)" 300
  ended_in_time tunnel s07.upd.kaspersky.com
  ended_in_time plain dnl-01.geo.kaspersky.com
}

@test "the permitted one goes on" {
  lab_is_running permitted && lab_download_grows permitted
}

@test "after the cutoff the proxy gets nothing that is banned, and the rest as before" {
  lab_daemon
  lab_refuses https://s07.upd.kaspersky.com -x "$PROXY"
  run lab_in client curl -sS --max-time 5 -x "$PROXY" -o "$LAB_DIR/refused" -w '%{size_download}' \
    http://dnl-01.geo.kaspersky.com/slow
  [ "${lines[-1]}" -lt 1000000 ]
  [ "$(lab_fetch tip.kaspersky.com -x "$PROXY")" = tip.kaspersky.com ]
  [ "$(lab_fetch_plain www.example.org -x "$PROXY")" = www.example.org ]
}
