#!/bin/sh
# Makes the virtual environment $1 with the interpreter $2. Debian keeps `ensurepip` in a package of its own; as root it is fetched.
set -eu
venv=$1
python=$2
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "kwek needs Python 3.11 or newer as '$python' (say PYTHON=/path/to/python3.11)" >&2
    exit 1
fi
[ ! -x "$venv/bin/pip" ] || exit 0
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$version"
    else
        echo "this Python cannot make virtual environments: install the package $version" >&2
        exit 1
    fi
fi
"$python" -m venv "$venv"
