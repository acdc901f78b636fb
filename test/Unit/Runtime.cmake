# Tests of the runtime: they see its private headers.
function(add_tpc_runtime_test name)
  add_tpc_unit_test(${name} ${name}.cpp LINK tpc_runtime_cpu)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/runtime)
endfunction()

add_tpc_runtime_test(AttentionTest)
add_tpc_runtime_test(BoxTest)
add_tpc_runtime_test(ContractTest)
add_tpc_runtime_test(KernelsTest)
add_tpc_runtime_test(MeasureTest)
add_tpc_runtime_test(MemoryTest)
add_tpc_runtime_test(SafetensorsTest)
add_tpc_runtime_test(TokenDataTest)
add_tpc_runtime_test(TrainPartsTest)
add_tpc_runtime_test(TrainTest)
target_sources(TrainPartsTest PRIVATE HandMadeProgram.cpp)
target_sources(TrainTest PRIVATE HandMadeProgram.cpp)

# The same program with the main function of compiled programs, for tests with real processes.
add_executable(hand-made-program EXCLUDE_FROM_ALL HandMadeMain.cpp HandMadeProgram.cpp)
set_target_properties(hand-made-program PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/bin)
target_link_libraries(hand-made-program PRIVATE tpc_main tpc_runtime_cpu)
add_dependencies(tpc-unit-tests hand-made-program)
