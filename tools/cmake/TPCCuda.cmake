# The CUDA toolkit, if it is there: headers of the libraries that are opened at run time, nvcc, the static runtime
# library. Without it everything but the target `cuda` is built. TPC_CUDA_ROOT (or the variable CUDA_HOME) says where.

set(TPC_CUDA_ROOT "$ENV{CUDA_HOME}" CACHE PATH "CUDA toolkit; empty: /usr/local/cuda")
set(hints ${TPC_CUDA_ROOT} /usr/local/cuda)
find_program(TPC_NVCC nvcc HINTS ${hints} PATH_SUFFIXES bin)
find_path(TPC_CUDA_INCLUDE cuda_runtime_api.h HINTS ${hints} PATH_SUFFIXES include)
find_path(TPC_NCCL_INCLUDE nccl.h HINTS ${hints} ${TPC_CUDA_INCLUDE} PATH_SUFFIXES include)
find_path(TPC_CUDNN_INCLUDE cudnn_backend.h HINTS ${hints} ${TPC_CUDA_INCLUDE} PATH_SUFFIXES include)
find_library(TPC_CUDART_STATIC cudart_static HINTS ${hints} PATH_SUFFIXES lib64 lib)

option(TPC_CUDA "build the target cuda where the toolkit is" ON)
set(TPC_HAS_CUDA OFF)
if(TPC_CUDA AND TPC_NVCC AND TPC_CUDA_INCLUDE AND TPC_NCCL_INCLUDE AND TPC_CUDNN_INCLUDE AND TPC_CUDART_STATIC)
  set(TPC_HAS_CUDA ON)
endif()
message(STATUS "CUDA toolkit: ${TPC_HAS_CUDA} (${TPC_NVCC}, ${TPC_CUDA_INCLUDE})")

# The architectures of --arch, each with code of its own.
set(TPC_CUDA_CODE)
foreach(arch 80 90 100 120)
  list(APPEND TPC_CUDA_CODE --generate-code=arch=compute_${arch},code=sm_${arch})
endforeach()

# tpc_cuda_sources(tpc_runtime_cuda A.cu B.cu): adds files compiled by nvcc. A kernel that spills registers is an error.
function(tpc_cuda_sources target)
  foreach(source ${ARGN})
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${source}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${TPC_NVCC} -ccbin g++ -std=c++17 -O3 ${TPC_CUDA_CODE} -Werror all-warnings
              -Xptxas -warn-spills,-warn-lmem-usage -Xcompiler -fPIC,-Wall,-Wextra
              -I${PROJECT_SOURCE_DIR}/runtime -I${PROJECT_SOURCE_DIR}/runtime/include
              -MD -MF ${object}.d -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} DEPFILE ${object}.d
      COMMENT "Compiling ${source} for four architectures" VERBATIM)
    target_sources(${target} PRIVATE ${object})
  endforeach()
endfunction()
