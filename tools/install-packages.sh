#!/usr/bin/env bash
# Installs the Debian packages that docs/dependencies.md lists and this machine lacks. Nothing to do: done at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t wanted < <(sed -nE 's/^\| `([a-z0-9.+-]+)` \|.*/\1/p' docs/dependencies.md)
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" | grep -Fxv "$installed" || true)

if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#wanted[@]} are installed"
  exit 0
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "error: run this as root, or install sudo; missing packages: ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi
as_root() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@"; }

echo "packages: installing ${missing[*]}"
as_root apt-get update -q
for package in "${missing[@]}"; do
  if ! apt-cache show "$package" >/dev/null 2>&1; then
    echo "error: no package $package: LLVM 22 is in the security suite of Debian 12, see /etc/apt/sources.list" >&2
    exit 1
  fi
done
as_root apt-get install -q -y --no-install-recommends "${missing[@]}"
