#!/usr/bin/env bash
# Makes a virtual environment: every version locked, Horovod built for its TensorFlow where there is one
# for it, this package.
# Instant where nothing changed; mends what an interrupted call left behind.
#
#   ./setup.sh [VENV [LOCK]]     VENV: .venv. LOCK: a file of conf/locks; cpu or gpu by the machine.
#
# PYTHON: the Python to use, 3.11 where the lock names no other. SPARKGEN_DEVICE=cpu: leave an NVIDIA GPU
# unused.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

HOROVOD=0.28.1

fail() { echo "setup: $*" >&2; exit 1; }
say() { echo "setup: $*" >&2; }

device() {
  if [ -n "${SPARKGEN_DEVICE:-}" ]; then echo "$SPARKGEN_DEVICE"
  elif command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; then echo gpu
  else echo cpu; fi
}

# The path of a Python of one version, with venv; the shims of pyenv go by PYENV_VERSION.
python_of() {
  local candidate
  for candidate in ${PYTHON:-} "python$1" "env PYENV_VERSION=$1 python$1" python3 python; do
    $candidate -c "import sys, venv, ensurepip
sys.exit('%d.%d' % sys.version_info[:2] != '$1' or print(sys.executable))" 2>/dev/null && return
  done
  return 1
}

find_python() {
  local wanted found
  wanted=$(sed -n 's/^# Python \([0-9.]*\)$/\1/p' "conf/locks/$lock.txt")
  wanted=${wanted:-3.11}
  if found=$(python_of "$wanted"); then
    echo "$found"
  elif [ "$wanted" != 3.11 ] && found=$(python_of 3.11); then
    say "finds no Python $wanted, for which conf/locks/$lock.txt is; takes 3.11"
    echo "$found"
  else
    fail "needs Python $wanted with venv; install it, or name it: PYTHON=/path/to/python$wanted make ..."
  fi
}

require_compiler() {
  echo '#include <optional>
        int main() { return std::optional<int>(0).value(); }' |
    "${CXX:-c++}" -std=c++17 -fsyntax-only -x c++ - 2>/dev/null ||
    fail "needs a C++17 compiler to build Horovod; install g++ 8 or newer, or name one: CXX=..."
}

require_cuda() {
  command -v nvcc >/dev/null ||
    fail "found an NVIDIA GPU but no nvcc; install the CUDA 12 toolkit and put its bin on PATH," \
         "or leave the GPU unused: SPARKGEN_DEVICE=cpu make ..."
}

# Horovod finds NCCL in a folder with include/ and an unversioned lib/libnccl.so; pip's has no such.
nccl_home() {
  local site home
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  home=$PWD/.wheels/nccl
  mkdir -p "$home/lib"
  ln -sfn "$site/nvidia/nccl/include" "$home/include"
  ln -sf "$site/nvidia/nccl/lib/libnccl.so.2" "$home/lib/libnccl.so"
  echo "$home"
}

# pip's own cache is left aside: it would hand out a wheel built for another TensorFlow.
build_horovod() {
  local built=$1.part
  require_compiler
  say "building Horovod $HOROVOD for $tensorflow; this happens once and takes some minutes"
  rm -rf "$built"
  (
    export PATH="$PWD/$venv/bin:$PATH" MAKEFLAGS="-j$(nproc)" CMAKE_POLICY_VERSION_MINIMUM=3.5
    export HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1
    export HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1
    if [ "$lock" = gpu ]; then
      HOROVOD_NCCL_HOME=$(nccl_home)
      HOROVOD_CUDA_HOME=$(dirname "$(dirname "$(command -v nvcc)")")
      export HOROVOD_GPU_OPERATIONS=NCCL HOROVOD_NCCL_LINK=SHARED
      export HOROVOD_NCCL_HOME HOROVOD_CUDA_HOME
    fi
    "$venv/bin/python" -m pip wheel --quiet --no-cache-dir --no-build-isolation --no-deps \
      --wheel-dir "$built" "horovod==$HOROVOD" > "$1.log" 2>&1
  ) || fail "Horovod did not build; the reason is at the end of $1.log"
  mv "$built" "$1"
}

install_all() {
  local python wheel
  python=$(find_python)
  [ "$lock" != gpu ] || require_cuda
  [ ! -e "$venv/.incomplete" ] || rm -rf "$venv"  # pip does not mend a package half written
  mkdir -p "$venv" && touch "$venv/.incomplete"
  rm -f "$venv/.stamp"
  say "installing the locked packages into $venv"
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  pip_install -r "conf/locks/$lock.txt"
  case $tensorflow in *-2.1[678].*)  # Horovod builds for no other
    wheel=.wheels/horovod-$HOROVOD-$tensorflow
    [ -d "$wheel" ] || build_horovod "$wheel"
    pip_install --no-deps "$wheel"/*.whl
  esac
  case $lock in dbr-* | latest) ;; *) pip_install --no-deps --no-build-isolation --editable . ;; esac
  rm "$venv/.incomplete"
  echo "$key" > "$venv/.stamp"
}

pip_install() {
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$@" ||
    fail "pip could not install into $venv; see above"
}

venv=${1:-.venv}
lock=${2:-$(device)}
[ -f "conf/locks/$lock.txt" ] || fail "knows no lock '$lock'; there are:" conf/locks/*
tensorflow=$(grep -E '^tensorflow(-cpu|_cpu)?==' "conf/locks/$lock.txt" | tr '_' '-' | sed 's|==|-|')
key=$(cat setup.sh setup.py conf/locks/*.txt <(echo "$lock $PWD") | sha256sum)

if [ "$(cat "$venv/.stamp" 2>/dev/null)" != "$key" ]; then
  mkdir -p .wheels
  exec 9> .wheels/lock
  flock 9  # two calls at once: the second waits, and finds the work done
  [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$key" ] || install_all
fi
