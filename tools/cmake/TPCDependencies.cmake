# Finds what tpc is built on, and names the Debian package of whatever is missing.

set(TPC_LLVM_VERSION 22)

macro(tpc_require variable package)
  if(NOT ${variable})
    message(FATAL_ERROR "tpc: ${variable} is missing: install the Debian package ${package} "
                        "(tools/install-packages.sh installs all of them)")
  endif()
endmacro()

find_package(MLIR CONFIG QUIET PATHS /usr/lib/llvm-${TPC_LLVM_VERSION}/lib/cmake/mlir NO_DEFAULT_PATH)
tpc_require(MLIR_FOUND libmlir-${TPC_LLVM_VERSION}-dev)
find_program(TPC_MLIR_TBLGEN mlir-tblgen HINTS /usr/lib/llvm-${TPC_LLVM_VERSION}/bin NO_DEFAULT_PATH)
tpc_require(TPC_MLIR_TBLGEN mlir-${TPC_LLVM_VERSION}-tools)
find_program(TPC_FILECHECK FileCheck HINTS /usr/lib/llvm-${TPC_LLVM_VERSION}/bin NO_DEFAULT_PATH)
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
find_package(nlohmann_json CONFIG QUIET)
tpc_require(nlohmann_json_FOUND nlohmann-json3-dev)
find_package(CLI11 CONFIG QUIET)
tpc_require(CLI11_FOUND libcli11-dev)
find_package(GTest CONFIG QUIET)
tpc_require(GTest_FOUND libgtest-dev)
find_package(Threads REQUIRED)
# Debian's Python, not the first on the PATH: the packages python3-numpy and python3-pytest belong to it.
set(Python3_EXECUTABLE /usr/bin/python3 CACHE FILEPATH "Python that has NumPy and pytest")
find_package(Python3 COMPONENTS Interpreter REQUIRED)
