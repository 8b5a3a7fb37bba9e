#!/usr/bin/env bash
# Set up and start the API alone where Python comes from conda, mamba or micromamba:
#
#   STREETSEG_MLFLOW_TRACKING_URI=https://mlflow.example.org back/install-conda.sh
#
# Makes an environment in .venv-conda with Python 3.11 from conda-forge, and back/install-app.sh installs into it what it
# installs elsewhere: the same packages, from PyPI, each checked by its hash. No environment of yours is touched.
#
#   --no-start  end after the installation, for a service manager that runs `.venv-conda/bin/python -m back` here
#   --check     change nothing: say what is missing, whether the settings are right, and whether MLflow answers
#   --help      this text
#
# VENV=DIR puts the environment elsewhere; CONDA=COMMAND names conda where it is not found by itself; CHANNEL=NAME or
# address takes Python from another channel.
set -euo pipefail
cd "$(dirname "$0")/.."
export VENV=${VENV:-.venv-conda}

fail() {
  echo "install-conda.sh: $*" >&2
  exit 1
}

usage() {
  sed -n '2,/^set /s/^# \{0,1\}//p' back/install-conda.sh
}

find_conda() { # prints the command that makes environments
  local command
  for command in ${CONDA:+"$CONDA"} micromamba mamba conda ${CONDA_EXE:+"$CONDA_EXE"}; do
    if command -v "$command" >/dev/null; then
      echo "$command"
      return
    fi
  done
  return 1
}

is_made() { # an environment of conda's: another folder is not written to
  [ -x "$VENV/bin/python" ] && [ -d "$VENV/conda-meta" ]
}

make_environment() {
  local conda
  if is_made; then
    return
  fi
  if [ -e "$VENV" ]; then
    fail "$VENV is there and is no environment of conda's; set VENV=DIR to a folder that can be made"
  fi
  conda=$(find_conda) ||
    fail "conda is missing; install micromamba, mamba or conda, or set CONDA=/path/to/it (back/install-app.sh does without)"
  echo "Making $VENV with Python 3.11 …"
  "$conda" create --yes --quiet --prefix "$VENV" --channel "${CHANNEL:-conda-forge}" --override-channels \
    python=3.11 pip ||
    fail "$conda could not make $VENV (its message is above); behind a proxy or a mirror set HTTPS_PROXY or CHANNEL"
}

[ $# -le 1 ] || fail "one option at a time; --help lists them"
case "${1:-}" in
  --help | -h) usage ;;
  --check)
    is_made || fail "$VENV is not made; run back/install-conda.sh --no-start"
    exec back/install-app.sh --check
    ;;
  --no-start | "")
    make_environment
    exec back/install-app.sh "$@"
    ;;
  *) fail "unknown option $1; --help lists them" ;;
esac
