#!/bin/sh
# Install the system packages of test-packages.txt whose command is missing.
set -eu
cd "$(dirname "$0")"

command_of() {
    case "$1" in
        nginx-light) echo nginx ;;
        *) echo "$1" ;;
    esac
}

missing=""
for package in $(sed 's/#.*//' test-packages.txt); do
    # nginx lives in /usr/sbin, which is not on everybody's path.
    if ! PATH="$PATH:/usr/sbin" command -v "$(command_of "$package")" >/dev/null 2>&1; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "The tests need:$missing. Install them with your system's package manager." >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo"
fi
$as_root apt-get update -qq
# shellcheck disable=SC2086  each word of $missing is a package
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing
