# Before project(): names the Debian package of a compiler, linker or compiler cache that was asked for and is missing,
# which CMake would report without a package.

macro(tpc_require variable package)
  if(NOT ${variable})
    message(FATAL_ERROR "tpc: ${variable} is missing: install the Debian package ${package} "
                        "(tools/install-packages.sh installs all of them)")
  endif()
endmacro()

# tpc_require_program(clang++-22 clang-22)
function(tpc_require_program name package)
  find_program(TPC_FOUND_PROGRAM ${name} NO_CACHE)
  if(NOT TPC_FOUND_PROGRAM)
    message(FATAL_ERROR "tpc: the program ${name} is missing: install the Debian package ${package} "
                        "(tools/install-packages.sh installs all of them)")
  endif()
endfunction()

foreach(compiler "${CMAKE_C_COMPILER}" "${CMAKE_CXX_COMPILER}")
  if(compiler MATCHES "^clang[+]*(-[0-9]+)?$")
    tpc_require_program(${compiler} clang${CMAKE_MATCH_1})
  elseif(compiler MATCHES "^g(cc|[+][+])(-[0-9]+)?$")
    tpc_require_program(${compiler} g++${CMAKE_MATCH_2})
  endif()
endforeach()
if("${CMAKE_EXE_LINKER_FLAGS}" MATCHES "-fuse-ld=(lld(-[0-9]+)?)( |$)")
  tpc_require_program(ld.${CMAKE_MATCH_1} ${CMAKE_MATCH_1})
endif()
if("${CMAKE_CXX_COMPILER_LAUNCHER}" STREQUAL "ccache")
  tpc_require_program(ccache ccache)
endif()
