#!/usr/bin/env bats
# make install, what it installs, and make uninstall. What is installed is tried under /usr and
# /etc in a mount namespace whose upper layer is the DESTDIR: nothing of the machine is touched.

bats_require_minimum_version 1.5.0

setup_file() {
  cd "$BATS_TEST_DIRNAME/../.." || return
  BUILD=$(realpath -m "${BUILD:-build}")
  root=$BATS_FILE_TMPDIR/root
  export BUILD root
  unset MAKEFLAGS MAKELEVEL
  make -s install DESTDIR="$root" BUILD="$BUILD"
}

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return
}

# A machine that has it installed.
installed() {
  [ "$(id -u)" -eq 0 ] || skip 'mount namespaces need root'
  grep -qw overlay /proc/filesystems || skip 'this kernel has no overlayfs'
  # shellcheck disable=SC2016 # the inner shell's words
  unshare -m sh -c '
    mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr &&
    mount -t overlay overlay -o "lowerdir=$root/etc:/etc" /etc && exec "$@"' sh "$@"
}

expected() {
  printf '%s\n' etc/cutoffd/cutoffd.yaml usr/sbin/cutoffd usr/bin/cutoffctl \
    usr/lib/systemd/system/cutoffd.service usr/lib/systemd/system/cutoffd-restore.service \
    usr/lib/sysusers.d/cutoffd.conf usr/lib/tmpfiles.d/cutoffd.conf \
    usr/share/cutoffd/event.schema.json \
    usr/share/man/man8/cutoffd.8 usr/share/man/man5/cutoffd.yaml.5 \
    usr/share/doc/cutoffd/README.md usr/share/doc/cutoffd/CHANGELOG.md \
    usr/share/doc/cutoffd/LICENSE
  (cd config && find vendors measures -type f | sed 's,^,usr/share/cutoffd/,')
  (cd daemon && find . -name 'cutoffctl.8' -printf 'usr/share/man/man8/%f\n')
}

@test "installs what it should and nothing else" {
  diff <(expected | sort) <(cd "$root" && find . -type f -printf '%P\n' | sort)
  [ "$(stat -c %a "$root/usr/sbin/cutoffd")" = 755 ]
  [ "$(stat -c %a "$root/etc/cutoffd/cutoffd.yaml")" = 644 ]
}

@test "the installed policy is good as it stands, and observes" {
  run installed cutoffd check
  [ "$status" -eq 0 ]
  [[ $output == *observe* ]]
  [[ $output == *us-kaspersky-2024* ]]
}

@test "in the tree the shipped policy is good too" {
  run "$BUILD/cutoffd" check -c config/cutoffd.yaml
  [ "$status" -eq 0 ]
}

@test "a second install keeps a policy that was changed, and puts the new one beside it" {
  echo '# ours' >>"$root/etc/cutoffd/cutoffd.yaml"
  run make -s install DESTDIR="$root" BUILD="$BUILD"
  [ "$status" -eq 0 ]
  [[ $output == *'kept '* ]]
  grep -qx '# ours' "$root/etc/cutoffd/cutoffd.yaml"
  run diff "$root/etc/cutoffd/cutoffd.yaml.new" "$root/etc/cutoffd/cutoffd.yaml"
  [ "$(grep -c '^[<>]' <<<"$output")" -eq 1 ]
}

@test "the units are such as systemd takes, and keep to themselves" {
  local unit
  command -v systemd-analyze >/dev/null || skip 'no systemd-analyze here'
  for unit in cutoffd cutoffd-restore; do
    run installed systemd-analyze verify --man=no "/usr/lib/systemd/system/$unit.service"
    [ "$status" -eq 0 ]
    # The tool itself may miss a kernel's list of calls; about the unit it may say nothing.
    [ "$(grep -c '^cutoffd\|^/' <<<"$output")" -eq 0 ]
    run installed systemd-analyze security --offline=yes --threshold=30 --no-pager \
      "/usr/lib/systemd/system/$unit.service"
    [ "$status" -eq 0 ]
  done
}

@test "enabling the daemon enables what restores its table before the network is up" {
  command -v systemctl >/dev/null || skip 'no systemctl here'
  systemctl --root="$root" enable cutoffd.service
  [ -L "$root/etc/systemd/system/sysinit.target.wants/cutoffd-restore.service" ]
  [ -L "$root/etc/systemd/system/multi-user.target.wants/cutoffd.service" ]
  systemctl --root="$root" disable cutoffd.service
  [ ! -L "$root/etc/systemd/system/sysinit.target.wants/cutoffd-restore.service" ]
  find "$root/etc/systemd" -depth -type d -empty -delete
}

@test "users, group and directories are made as the programs expect them" {
  command -v systemd-sysusers >/dev/null || skip 'no systemd-sysusers here'
  local machine=$BATS_TEST_TMPDIR/machine
  mkdir -p "$machine/etc"
  printf 'root:x:0:0::/root:/bin/sh\n' >"$machine/etc/passwd"
  printf 'root:x:0:\n' >"$machine/etc/group"
  systemd-sysusers --root="$machine" "$root/usr/lib/sysusers.d/cutoffd.conf"
  grep -q '^cutoffd-sensor:' "$machine/etc/passwd"
  grep -q '^cutoffd-recorder:' "$machine/etc/passwd"
  grep -q '^cutoffd:' "$machine/etc/group"
  systemd-tmpfiles --create --root="$machine" "$root/usr/lib/tmpfiles.d/cutoffd.conf"
  [ "$(stat -c %u:%a "$machine/var/lib/cutoffd")" = 0:755 ]
  [ "$(stat -c %u:%a "$machine/run/cutoffd")" = 0:755 ]
}

@test "what is written for another prefix points there" {
  local other=$BATS_TEST_TMPDIR/other
  # Only the texts: the programs would have to be built anew.
  make -s -o all install DESTDIR="$other" BUILD="$BUILD" prefix=/opt/cutoffd sysconfdir=/opt/etc
  grep -qx 'ExecStart=/opt/cutoffd/sbin/cutoffd run' \
    "$other/opt/cutoffd/lib/systemd/system/cutoffd.service"
  grep -qx 'ExecStart=/opt/cutoffd/sbin/cutoffd restore' \
    "$other/opt/cutoffd/lib/systemd/system/cutoffd-restore.service"
  grep -qx 'packs: \[/opt/cutoffd/share/cutoffd, \.\]' "$other/opt/etc/cutoffd/cutoffd.yaml"
  run ! grep -rnE '/usr/(s?bin|share)/cutoff|[^t]/etc/cutoffd' "$other"/opt/cutoffd/lib
}

@test "uninstall keeps the policy that was changed and takes all else" {
  run make -s uninstall DESTDIR="$root" BUILD="$BUILD"
  [ "$status" -eq 0 ]
  [ "$(cd "$root" && find . -type f)" = ./etc/cutoffd/cutoffd.yaml ]
  [ ! -e "$root/usr/share/cutoffd" ]
}

@test "uninstall takes a policy that nobody changed" {
  rm -r "$root"
  make -s install DESTDIR="$root" BUILD="$BUILD"
  make -s uninstall DESTDIR="$root" BUILD="$BUILD"
  [ -z "$(find "$root" -type f)" ]
  [ ! -e "$root/etc/cutoffd" ]
}
