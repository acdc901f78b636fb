# Finds what tpc is built on, and names the Debian package of whatever is missing.

set(TPC_LLVM_VERSION 22)

set(TPC_LLVM_ROOT /usr/lib/llvm-${TPC_LLVM_VERSION} CACHE PATH "where LLVM and MLIR are installed")

# What the configuration files of LLVM and MLIR insist on comes first: they fail without naming a package.
find_package(ZLIB QUIET)
tpc_require(ZLIB_FOUND zlib1g-dev)
find_path(TPC_ZSTD_INCLUDE zstd.h)
tpc_require(TPC_ZSTD_INCLUDE libzstd-dev)
find_file(TPC_LLVM_CONFIG LLVMConfig.cmake PATHS ${TPC_LLVM_ROOT}/lib/cmake/llvm NO_DEFAULT_PATH)
tpc_require(TPC_LLVM_CONFIG llvm-${TPC_LLVM_VERSION}-dev)
find_package(MLIR CONFIG QUIET PATHS ${TPC_LLVM_ROOT}/lib/cmake/mlir NO_DEFAULT_PATH)
tpc_require(MLIR_FOUND libmlir-${TPC_LLVM_VERSION}-dev)
find_program(TPC_MLIR_TBLGEN mlir-tblgen HINTS ${TPC_LLVM_ROOT}/bin NO_DEFAULT_PATH)
tpc_require(TPC_MLIR_TBLGEN mlir-${TPC_LLVM_VERSION}-tools)
find_program(TPC_FILECHECK FileCheck HINTS ${TPC_LLVM_ROOT}/bin NO_DEFAULT_PATH)
tpc_require(TPC_FILECHECK llvm-${TPC_LLVM_VERSION}-tools)
get_filename_component(TPC_LLVM_TOOLS_DIR ${TPC_FILECHECK} DIRECTORY)

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(TPC_LLVM_DEFINITIONS NATIVE_COMMAND ${LLVM_DEFINITIONS})

# Not find_package(dnnl): Debian's configuration file insists on OpenCL, which the library does not use on CPUs.
find_library(TPC_DNNL_LIBRARY dnnl)
find_path(TPC_DNNL_INCLUDE dnnl.hpp)
tpc_require(TPC_DNNL_LIBRARY libdnnl-dev)
tpc_require(TPC_DNNL_INCLUDE libdnnl-dev)
find_package(nlohmann_json CONFIG QUIET)
tpc_require(nlohmann_json_FOUND nlohmann-json3-dev)
find_package(CLI11 CONFIG QUIET)
tpc_require(CLI11_FOUND libcli11-dev)
find_package(GTest CONFIG QUIET)
tpc_require(GTest_FOUND libgtest-dev)
find_package(Threads REQUIRED)
# Debian's Python, not the first on the PATH: the packages python3-numpy and python3-pytest belong to it.
set(Python3_EXECUTABLE /usr/bin/python3 CACHE FILEPATH "Python that has NumPy and pytest")
find_package(Python3 COMPONENTS Interpreter QUIET)
tpc_require(Python3_FOUND python3)
