#!/usr/bin/env bats
# scripts/setup, with stand-ins for apt-get and dpkg-query: what it asks of them, and the guard
# against services that start by themselves.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return
  bin=$BATS_TEST_TMPDIR/bin
  calls=$BATS_TEST_TMPDIR/calls
  guard=$BATS_TEST_TMPDIR/policy-rc.d
  mkdir "$bin"
  : >"$calls"
  # A copy that has its guard elsewhere: the machine's own is none of ours.
  sed "s,^guard=.*,guard=$guard," scripts/setup >"$bin/setup"
  stand_in systemctl 'exit 0'
  # shellcheck disable=SC2016 # the stand-in's words
  stand_in dpkg-query 'case $3 in nginx|libpcap-dev) exit 1;; esac; printf installed'
  chmod 755 "$bin"/*
  PATH=$bin:$PATH
}

# stand_in NAME WORDS: a program that writes its call down and does that.
stand_in() {
  printf '#!/bin/sh\necho "%s $*" >>%q\n%s\n' "$1" "$calls" "$2" >"$bin/$1"
  chmod 755 "$bin/$1"
}

@test "does nothing when all is there" {
  stand_in dpkg-query 'printf installed'
  stand_in apt-get 'exit 1'
  run "$bin/setup"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  run ! grep -q apt-get "$calls"
}

@test "installs what is missing, without an update when the lists are good" {
  stand_in apt-get 'exit 0'
  run "$bin/setup"
  [ "$status" -eq 0 ]
  grep -q 'apt-get .*install .*libpcap-dev nginx$' "$calls"
  run ! grep -q 'apt-get .*update' "$calls"
}

@test "updates the lists when the install does not go without" {
  # shellcheck disable=SC2016 # the stand-in's words
  stand_in apt-get 'case "$*" in
    *update*) : >'"$BATS_TEST_TMPDIR"'/updated;;
    *) test -e '"$BATS_TEST_TMPDIR"'/updated;;
    esac'
  run "$bin/setup"
  [ "$status" -eq 0 ]
  [ "$(grep -c 'apt-get .*update' "$calls")" -eq 1 ]
}

@test "fails when apt does" {
  stand_in apt-get 'exit 100'
  run "$bin/setup"
  [ "$status" -ne 0 ]
}

@test "--build asks for no test packages" {
  stand_in apt-get 'exit 0'
  run "$bin/setup" --build
  grep -q 'apt-get .*install .*libpcap-dev$' "$calls"
  run ! grep -q nginx "$calls"
}

@test "the guard forbids starting services while apt works, and is gone afterwards" {
  stand_in apt-get "$guard; echo guard \$? >>$calls"
  run "$bin/setup"
  [ "$status" -eq 0 ]
  grep -qx 'guard 101' "$calls"
  [ ! -e "$guard" ]
  grep -q 'systemctl disable nginx.service' "$calls"
}

@test "the guard goes when apt fails and when setup is interrupted" {
  stand_in apt-get 'exit 100'
  run "$bin/setup"
  [ ! -e "$guard" ]

  stand_in apt-get "test -e $BATS_TEST_TMPDIR/go || sleep 0.3; echo working >>$calls"
  "$bin/setup" >/dev/null 2>&1 3>&- &
  until [ -e "$guard" ]; do sleep 0.02; done
  kill -TERM $!
  while kill -0 $! 2>/dev/null; do sleep 0.02; done
  [ ! -e "$guard" ]
}

@test "a guard that the machine has already stays as it is" {
  printf '#!/bin/sh\nexit 104\n' >"$guard"
  chmod 755 "$guard"
  stand_in apt-get "$guard; echo guard \$? >>$calls"
  run "$bin/setup"
  [ "$status" -eq 0 ]
  grep -qx 'guard 104' "$calls"
  [ -e "$guard" ]
}
