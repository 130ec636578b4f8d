#!/usr/bin/env bash
# Builds llama.cpp for comparisons: build.sh DIR [native|avx2]
# PEER_SOURCE=FOLDER takes the source from there; otherwise it is the copy in the Python
# package llama-cpp-python, pinned so that figures of different days compare one version.
# Needs python3 with pip and venv (without PEER_SOURCE), cmake, ninja and a C++ compiler.
# The programs land in DIR/llama.cpp/build/bin; about 8 minutes on two cores.
set -euo pipefail
package=llama-cpp-python version=0.3.36
dir=$1 isa=${2:-native}
given=${PEER_SOURCE:+$(cd "$PEER_SOURCE" && pwd)}
mkdir -p "$dir"
cd "$dir"
if [[ -n $given ]]; then
	source=$given
else
	source=$PWD/llama.cpp
	if [[ ! -f $source/CMakeLists.txt ]]; then
		python3 -m venv venv
		venv/bin/pip install --quiet scikit-build-core
		venv/bin/pip download --quiet --no-binary "$package" --no-deps --no-build-isolation "$package==$version" --dest src
		tar -x -f "src/${package//-/_}-$version.tar.gz" -C src
		rm -rf llama.cpp
		mv "src/${package//-/_}-$version/vendor/llama.cpp" llama.cpp
	fi
fi
flags=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF)
case $isa in
native) flags+=(-DGGML_NATIVE=ON) ;;
avx2) flags+=(-DGGML_NATIVE=OFF -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON -DGGML_AVX512=OFF) ;;
*) echo "build.sh: $isa: want native or avx2" >&2; exit 2 ;;
esac
cmake -S "$source" -B llama.cpp/build -G Ninja "${flags[@]}" >cmake.log
cmake --build llama.cpp/build --target llama-bench llama-batched-bench llama-completion >build.log
echo "$isa" >isa
