# One executable per tests/native/*_test.cpp, on the runner beside them.
if(NOT AMALGAM_TESTS)
  return()
endif()
enable_testing()
set(tests_dir ${CMAKE_SOURCE_DIR}/../tests/native)
add_library(amalgam_test_runner STATIC ${tests_dir}/runner.cpp)
target_include_directories(amalgam_test_runner PUBLIC ${tests_dir})
target_link_libraries(amalgam_test_runner PUBLIC amalgam_core)
target_compile_definitions(amalgam_test_runner PUBLIC AMALGAM_RELEASE_DIR="${CMAKE_BINARY_DIR}/Release")

file(GLOB test_files CONFIGURE_DEPENDS ${tests_dir}/*_test.cpp)
if(AMALGAM_SANITIZE)
  # Its kernels run on stacks that the program changes itself: the sanitizers follow that slowly and with false alarms.
  list(FILTER test_files EXCLUDE REGEX cuda_emulated_test)
endif()
foreach(test_file IN LISTS test_files)
  get_filename_component(test_name ${test_file} NAME_WE)
  add_executable(${test_name} ${test_file})
  set_target_properties(${test_name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${test_name} PRIVATE amalgam_test_runner)
  if(AMALGAM_SANITIZE)  # optimised fully, GCC 12 gives false alarms on std::string where headers are precompiled
    reuse_standard_headers(${test_name} engine_cli)
  endif()
  add_test(NAME ${test_name} COMMAND ${test_name})
  set_tests_properties(${test_name} PROPERTIES TIMEOUT 300)
  file(STRINGS ${test_file} timed REGEX "steady_clock|sleep_for")
  if(timed)
    set_tests_properties(${test_name} PROPERTIES RUN_SERIAL ON)  # its limits hold with the processor to itself
  endif()
endforeach()

if(TARGET learn_resume_test)
  add_dependencies(learn_resume_test engine_cli)  # which it kills
endif()

include(cmake/emulated_cuda.cmake)

# The same addon with jobs made for tests (waiting, failing, running out of memory) instead of the real ones.
if(AMALGAM_ADDON)
  add_node_addon(amalgam_test ${tests_dir}/addon/test_job_table.cpp)
endif()
