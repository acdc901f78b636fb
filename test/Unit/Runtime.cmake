# Tests of the runtime: they see its private headers.
function(add_tpc_runtime_test name)
  add_tpc_unit_test(${name} ${name}.cpp LINK tpc_runtime)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/runtime)
endfunction()

add_tpc_runtime_test(AttentionTest)
add_tpc_runtime_test(ContractTest)
add_tpc_runtime_test(KernelsTest)
add_tpc_runtime_test(MemoryTest)
add_tpc_runtime_test(SafetensorsTest)
add_tpc_runtime_test(TokenDataTest)
add_tpc_runtime_test(TrainTest)
target_sources(TrainTest PRIVATE HandMadeProgram.cpp)
