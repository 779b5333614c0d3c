#!/usr/bin/env bats
# Scopes and waivers name clients as they are before any translation: whoever the gateway makes of
# them, and whichever server it sends them to, the right ones are refused.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

OUTSIDE_4=10.47.0.4       # in no scope
PUBLISHED_4=198.51.100.7  # nobody's: the gateway sends it elsewhere

setup_file() {
  lab_up
  lab_address client eth0 "$OUTSIDE_4/24"
  lab_policy enforce -60 'scopes:' "  two: {sources: [$LAB_CLIENT_4/31]}" \
    'waivers:' '  - id: spare' '    reason: a test' '    approver: the lab' \
    "    hosts: [$LAB_OTHER_CLIENT_4]" '    until: 2099-01-01T00:00:00Z'
  sed -i 's/^    stages: \[updates\]$/&\n    scopes: [two]/' "$LAB_DIR/cutoffd.yaml"
  lab_daemon
}

teardown_file() {
  lab_down
}

teardown() {
  lab_in gateway nft delete table inet lab_nat 2>/dev/null || :
  lab_in gateway nft delete table inet lab_dnat 2>/dev/null || :
}

# right_ones [curl's options]: of three clients one is refused, at every try.
right_ones() {
  local _
  for _ in 1 2 3; do
    lab_refuses https://s07.upd.kaspersky.com -4 --interface "$LAB_CLIENT_4" "$@" || return
    passes s07.upd.kaspersky.com "$LAB_OTHER_CLIENT_4" "$@" || return
    passes s07.upd.kaspersky.com "$OUTSIDE_4" "$@" || return
    passes tip.kaspersky.com "$LAB_CLIENT_4" "$@" || return
  done
}

# passes NAME CLIENT [curl's options]
passes() {
  local name=$1 client=$2
  shift 2
  [[ $(lab_fetch "$name" -4 --interface "$client" "$@") == "$name" ]] ||
    lab_die "$client did not get $name"
}

# counted COUNTER: packets of all counters whose name ends so.
counted() {
  lab_in gateway nft -j list counters table inet cutoffd |
    jq --arg name "$1" '[.nftables[].counter // empty | select(.name | endswith($name)) | .packets]
      | add // 0'
}

@test "without translation" {
  right_ones
}

@test "behind a masquerade (SNAT)" {
  lab_masquerade
  right_ones
  lab_wait 3 lab_events ".cutoff.verdict == \"reject\" and .src_ip == \"$LAB_CLIENT_4\""
}

@test "to a server that the gateway puts in place of another (DNAT)" {
  lab_dnat "$PUBLISHED_4" "$LAB_SHARED_4"
  right_ones --connect-to "::$PUBLISHED_4:"
  lab_wait 3 lab_events ".cutoff.verdict == \"reject\" and .dest_ip == \"$PUBLISHED_4\""
}

@test "with both at once" {
  lab_masquerade
  lab_dnat "$PUBLISHED_4" "$LAB_SHARED_4"
  right_ones --connect-to "::$PUBLISHED_4:"
}

@test "an open transfer behind both is reset at both ends when its cutoff comes" {
  local instant
  lab_masquerade
  lab_dnat "$PUBLISHED_4" "$LAB_SHARED_4"
  lab_stop cutoffd
  sed -i "s/^rehearse:.*/rehearse: {offset: $((LAB_CUTOFF_POLICY - $(date +%s) - 4))s}/" \
    "$LAB_DIR/cutoffd.yaml"
  instant=$(($(date +%s) + 4))
  lab_in gateway nft delete table inet cutoffd
  rm -rf "$LAB_DIR/state"
  lab_daemon
  lab_download both https://s07.upd.kaspersky.com/slow --interface "$LAB_CLIENT_4" \
    --connect-to "::$PUBLISHED_4:"
  lab_download waived https://s07.upd.kaspersky.com/slow --interface "$LAB_OTHER_CLIENT_4" \
    --connect-to "::$PUBLISHED_4:"
  (($(date +%s) < instant))
  lab_until "$instant" 200
  lab_wait 3 lab_download_end both
  [ "$(lab_download_end both | cut -d ' ' -f 1)" -eq 56 ]
  lab_wait 3 lab_server_end s07.upd.kaspersky.com
  [ "$(lab_milliseconds "$(lab_server_end s07.upd.kaspersky.com)" "$instant")" -le 200 ]
  lab_is_running waived && lab_download_grows waived
  lab_stop waived
}

@test "the waiver counted what it let pass" {
  [ "$(counted _passed)" -gt 0 ]
  [ "$(counted _refused)" -gt 0 ]
}
