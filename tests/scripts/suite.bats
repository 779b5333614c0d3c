#!/usr/bin/env bats
# scripts/suite counts what others say: in a tree of its own with stand-ins for the suites.

bats_require_minimum_version 1.5.0

setup() {
  tree=$BATS_TEST_TMPDIR
  mkdir -p "$tree/scripts" "$tree/tests/golden" "$tree/tests/unit" "$tree/build/tests/unit"
  cp "$BATS_TEST_DIRNAME/../../scripts/suite" "$tree/scripts/"
}

# says NAME WORDS: the stand-in for a runner.
says() {
  printf '#!/bin/bash\n%s\n' "$2" >"$tree/$1"
  chmod 755 "$tree/$1"
}

sum_of() {
  run "$tree/scripts/suite" "$1"
  echo "$output"
  sum=${lines[-1]}
}

@test "closing lines count, and nothing twice" {
  says tests/golden/run 'echo ok one; echo ok two; echo "2 passed, 0 failed, 1 skipped"'
  sum_of golden
  [ "$status" -eq 0 ]
  [ "$sum" = '2 passed, 0 failed, 1 skipped' ]
}

@test "TAP counts, with its skips" {
  says tests/golden/run 'echo 1..3; echo ok 1 - a; echo "ok 2 - b # SKIP no kernel"; echo ok 3 - c'
  sum_of golden
  [ "$sum" = '2 passed, 0 failed, 1 skipped' ]
}

@test "a failure counts once, whatever the status says besides" {
  says tests/golden/run 'echo ok 1; echo not ok 2; exit 1'
  sum_of golden
  [ "$status" -ne 0 ]
  [ "$sum" = '1 passed, 1 failed, 0 skipped' ]
}

@test "who dies without a word has failed" {
  says tests/golden/run 'echo ok 1 - a; kill -SEGV $$'
  sum_of golden
  [ "$status" -ne 0 ]
  [ "$sum" = '1 passed, 1 failed, 0 skipped' ]
}

@test "who dies after good news has failed" {
  says tests/golden/run 'echo "7 passed, 0 failed, 0 skipped"; exit 3'
  sum_of golden
  [ "$sum" = '7 passed, 1 failed, 0 skipped' ]
}

@test "who tested nothing has failed" {
  says tests/golden/run 'exit 0'
  sum_of golden
  [ "$status" -ne 0 ]
  [ "$sum" = '0 passed, 1 failed, 0 skipped' ]
}

@test "who is not there has failed" {
  sum_of golden
  [ "$sum" = '0 passed, 1 failed, 0 skipped' ]
}

@test "who hangs has failed" {
  says tests/golden/run 'echo ok 1; sleep 60'
  SUITE_LIMIT=1 sum_of golden
  [ "$sum" = '1 passed, 1 failed, 0 skipped' ]
}

@test "programs add up" {
  touch "$tree/tests/unit/a_test.c" "$tree/tests/unit/b_test.c"
  says build/tests/unit/a_test 'echo ok 1 - a; echo ok 2 - b'
  says build/tests/unit/b_test 'echo ok 1 - c; exit 1'
  BUILD=build sum_of unit
  [ "$status" -ne 0 ]
  [ "$sum" = '3 passed, 1 failed, 0 skipped' ]
}
