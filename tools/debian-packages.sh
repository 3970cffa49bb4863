#!/bin/sh
# Installs the Debian packages of debian-packages.txt whose command is missing, when we are root on Debian; elsewhere it says which
# peer the tests will skip. With CI=true a missing one is a failure. A program that is there is never replaced.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

present() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/usr/lib/kannel/$1" ]
}

missing() {
    grep -v '^#' "$here/debian-packages.txt" | while read -r program package; do
        [ -z "$program" ] || present "$program" || echo "$package"
    done
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing the Debian packages" $wanted
    export DEBIAN_FRONTEND=noninteractive
    # Kannel's package would start a gateway of its own; the tests start theirs.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq >&2 || echo "apt-get update failed" >&2
    for package in $wanted; do  # each by itself: one that cannot be had keeps no other out
        apt-get install -y -qq --no-install-recommends "$package" >&2 || echo "apt-get failed on $package" >&2
    done
fi

wanted=$(missing)
for package in $wanted; do
    echo "no $package here: the tests of that peer will be skipped (install the Debian package $package for them)"
done
[ -z "$wanted" ] || [ "${CI:-}" != true ] || exit 1
