# The three kinds of target: a compiler library, a compiler tool, a runtime library.

add_library(tpc_warnings INTERFACE)
target_compile_options(tpc_warnings INTERFACE -Wall -Wextra -Wno-unused-parameter
  $<$<CXX_COMPILER_ID:Clang>:-Wno-nullability-completeness>)

# What every file that speaks MLIR needs: include paths, definitions, generated headers.
add_library(tpc_mlir INTERFACE)
target_include_directories(tpc_mlir INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
target_include_directories(tpc_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
target_compile_definitions(tpc_mlir INTERFACE ${TPC_LLVM_DEFINITIONS})
target_link_libraries(tpc_mlir INTERFACE tpc_warnings)
# Said outright: compilers differ in their default, and a precompiled header serves one setting only.
target_compile_options(tpc_mlir INTERFACE -fPIC)

# Parsing MLIR's headers is nine tenths of a compile: one precompiled header is shared by all libraries.
file(WRITE ${PROJECT_BINARY_DIR}/pch.cpp.in "")
configure_file(${PROJECT_BINARY_DIR}/pch.cpp.in ${PROJECT_BINARY_DIR}/pch.cpp COPYONLY)
add_library(tpc_pch OBJECT ${PROJECT_BINARY_DIR}/pch.cpp)
target_link_libraries(tpc_pch PUBLIC tpc_mlir)
target_precompile_headers(tpc_pch PRIVATE ${PROJECT_SOURCE_DIR}/tools/cmake/Precompiled.h)

# add_tpc_library(TPCSharding A.cpp B.cpp [PLAIN] LINK TPCDialect): PLAIN means no MLIR, only LLVM's ADT and Support.
function(add_tpc_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC tpc_mlir ${ARG_LINK})
  target_precompile_headers(${name} REUSE_FROM tpc_pch)
  add_dependencies(${name} tpc_generated)
endfunction()

# add_tpc_tool(tpc-opt tpc-opt.cpp LINK TPCPipelines)
function(add_tpc_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  target_precompile_headers(${name} REUSE_FROM tpc_pch)
  add_dependencies(${name} tpc_generated)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
