#!/usr/bin/env bats
# `cutoffd check --host` on a gateway: beside a running daemon, with others' rules, without root's
# capabilities.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
  lab_policy enforce 3600
  lab_daemon
}

teardown_file() {
  lab_down
}

check_host() {
  run lab_in gateway "$@" "$LAB_BUILD/cutoffd" check --host -c "$LAB_DIR/cutoffd.yaml"
  echo "$output"
}

@test "beside a running daemon it finds nothing in the rules, and exits with 0" {
  local before
  before=$(lab_in gateway nft list chains)
  check_host
  [ "$status" -eq 0 ]
  [[ $output == *'This machine'* ]]
  [[ $output != *'table inet'* && $output != *'interface '* && $output != *error* ]]
  [ "$(lab_in gateway nft list chains)" = "$before" ]
}

@test "what could defeat it is named, with its place; warnings do not fail" {
  lab_in gateway nft 'table ip shop { chain first { type filter hook prerouting priority raw;
    udp dport 53 notrack; }; chain second { type filter hook postrouting priority mangle;
    ct mark set 0x1; }; }'
  check_host
  lab_in gateway nft delete table ip shop
  [ "$status" -eq 0 ]
  [[ $output =~ warning\ *table\ ip\ shop,\ chain\ first,\ rule\ [0-9]+:\ .*notrack ]]
  [[ $output =~ warning\ *table\ ip\ shop,\ chain\ second,\ rule\ [0-9]+:\ writes\ bits ]]
}

@test "without CAP_NET_ADMIN it says what it did not look at" {
  command -v setpriv >/dev/null || skip 'no setpriv here'
  check_host setpriv --bounding-set=-net_admin --inh-caps=-net_admin
  [ "$status" -eq 0 ]
  [[ $output == *'not looked at'*CAP_NET_ADMIN* ]]
}

@test "where no namespace can be made, the features were not tried" {
  command -v setpriv >/dev/null || skip 'no setpriv here'
  check_host setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin
  [ "$status" -eq 0 ]
  [[ $output == *'features were not tried'* ]]
}

@test "what cannot work is an error, and exits with 1" {
  sed -i "s,^state:.*,state: $LAB_DIR/no/such," "$LAB_DIR/cutoffd.yaml"
  check_host
  [ "$status" -eq 1 ]
  [[ $output =~ error\ *directory\ $LAB_DIR/no:\ No\ such\ file ]]
}
