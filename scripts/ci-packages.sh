#!/bin/sh
# Installs what the tests use from Debian and this machine lacks. Root only; called by npm test when CI=true.
set -eu
missing=
for package in \
  gcc libc6-dev binutils nasm gdb qemu-system-x86 libxen-dev xenstore-utils acpica-tools \
  gzip bzip2 xz-utils lzop lz4 zstd dpkg busybox-static tmux zsh fish; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "zendo: installing$missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update >&2
  # shellcheck disable=SC2086
  apt-get -q install -y --no-install-recommends $missing >&2
fi
