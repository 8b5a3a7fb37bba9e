#!/usr/bin/env bash
# Set up and start the API alone on a bare server:
#
#   STREETSEG_MLFLOW_TRACKING_URI=https://mlflow.example.org back/install-app.sh
#
# Installs what it needs into .venv-api (nothing outside the clone but, as root on Debian, Python itself) and starts the
# server in the foreground. A second run installs only what has changed. docs/deployment.md lists the settings.
#
#   --no-start  end after the installation, for a service manager that runs `.venv-api/bin/python -m back` here
#   --check     change nothing: say what is missing, whether the settings are right, and whether MLflow answers
#   --help      this text
#
# VENV=DIR puts the environment elsewhere; PYTHON=COMMAND names Python (3.11, 3.12 or 3.13) where it is not found by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv-api}
requirements=back/requirements.txt

fail() {
  echo "install-app.sh: $*" >&2
  exit 1
}

usage() {
  sed -n '2,/^set /s/^# \{0,1\}//p' back/install-app.sh
}

find_python() { # prints a command that runs Python 3.11, 3.12 or 3.13 with venv
  local python
  for python in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

wanted() { # what the environment must have been made from
  sha256sum <"$requirements"
}

is_installed() {
  [ -x "$venv/bin/python" ] && [ "$(wanted)" = "$(cat "$venv/.installed" 2>/dev/null)" ]
}

install_python() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Python …"
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
      python3 python3-venv; }; then
      fail "apt-get could not install python3-venv (its message is above)"
    fi
  fi
}

install() {
  if is_installed; then
    echo "$venv is up to date."
    return
  fi
  if [ ! -x "$venv/bin/python" ]; then
    find_python >/dev/null || install_python
    python=$(find_python) ||
      fail "Python 3.11, 3.12 or 3.13 with venv is missing; on Debian: apt-get install python3-venv, else set PYTHON=/path/to/python3"
    "$python" -m venv "$venv" || fail "$venv could not be made (the reason is above); set VENV=DIR to a folder that can be written"
  fi
  echo "Installing the API into $venv (a minute or two the first time) …"
  "$venv/bin/python" -m pip --disable-pip-version-check install --quiet -r "$requirements" ||
    fail "pip could not install $requirements (its message is above); behind a proxy or a mirror set HTTPS_PROXY or PIP_INDEX_URL"
  wanted >"$venv/.installed"
}

check() {
  if ! is_installed; then
    find_python >/dev/null || fail "Python 3.11, 3.12 or 3.13 with venv is missing"
    fail "$venv is not installed, or not from today's requirements; run back/install-app.sh --no-start"
  fi
  "$venv/bin/python" -m back --check
}

[ $# -le 1 ] || fail "one option at a time; --help lists them"
[ -f "$requirements" ] || fail "$requirements is missing; check out the whole repository"
case "${1:-}" in
  --help | -h) usage ;;
  --check) check ;;
  --no-start)
    install
    echo "Start it with: $venv/bin/python -m back"
    ;;
  "")
    install
    echo "Starting the API; it reads models from ${STREETSEG_MLFLOW_TRACKING_URI:-http://127.0.0.1:5000} (Ctrl-C ends it) …"
    export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-$PWD/.cache/numba}"
    exec "$venv/bin/python" -m back
    ;;
  *) fail "unknown option $1; --help lists them" ;;
esac
