#!/bin/bash
# Makes one environment for each training engine, outside the checkout, to load exports with the engines' own loaders.
#
#   MASKWRIGHT_ENGINES=/some/folder bash training/exports/setup.sh [ms-swift|llama-factory|trl|verl …]
#
# Python 3.11; about 8 GB in all where torch is shared (torch is installed once and seen by the others through a .pth file),
# and the network. An environment that is ready is left alone.
set -euo pipefail
: "${MASKWRIGHT_ENGINES:?Set it to a folder for the environments}"
python=${PYTHON:-python3.11}
torch="torch==2.15.0 torchvision==0.29.2"

mkdir -p "$MASKWRIGHT_ENGINES"
cd "$MASKWRIGHT_ENGINES"

packages() {
  case $1 in
    ms-swift) echo "ms-swift==4.6.0 qwen-vl-utils==0.0.14" ;;
    llama-factory) echo "llamafactory==0.9.5" ;;
    trl) echo "trl==1.16.0 pillow" ;;
    verl) echo "verl==0.9.1 qwen-vl-utils==0.0.14" ;;
    *) echo "There is no engine $1." >&2; return 1 ;;
  esac
}

site() { "$1/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))"; }

base() {
  [ -e torch/READY ] && return
  "$python" -m venv torch
  torch/bin/pip install -q $torch
  touch torch/READY
}

# Only torch's own packages are shared: all else differs from engine to engine.
share() {
  local from to
  from=$(site torch) && to="$PWD/torch-base"
  mkdir -p "$to"
  for entry in "$from"/{torch,torch-*,torchgen,torchvision,torchvision-*,torchvision.libs,functorch,triton,triton-*,nvidia,nvidia_*,cuda,cuda_*}; do
    [ -e "$entry" ] && ln -sfn "$entry" "$to/$(basename "$entry")"
  done
  echo "$to" > "$(site "$1")/shared-torch.pth"
}

for engine in "${@:-ms-swift llama-factory trl verl}"; do
  for name in $engine; do
    wanted=$(packages "$name")
    [ -e "$name/READY" ] && continue
    base
    "$python" -m venv "$name"
    share "$name"
    "$name/bin/pip" install -q $wanted
    if [ "$name" = llama-factory ]; then
      # It imports torchaudio always, and the newest on the index does not match this torch; images do not need it.
      "$name/bin/pip" uninstall -q -y torchaudio
      mkdir -p "$(site "$name")/torchaudio"
      echo '__version__ = "0"' > "$(site "$name")/torchaudio/__init__.py"
    fi
    touch "$name/READY"
    echo "$name is ready"
  done
done
