# For the tests on machines without a graphics card: the kernels compiled for the processor (tests/native/emulated_cuda), and
# a library in the place of cuBLAS. Included by tests.cmake.
if(TARGET cuda_emulated_test)
  file(GLOB kernel_sources CONFIGURE_DEPENDS ops/cuda/*.cu)
  set(emulated_sources ${tests_dir}/emulated_cuda/emulator.cpp ${tests_dir}/emulated_cuda/runtime.cpp)
  foreach(kernel_source IN LISTS kernel_sources)
    get_filename_component(kernel_name ${kernel_source} NAME_WE)
    # A file of its own each, because the same .cu may also be compiled by nvcc.
    set(emulated_source ${CMAKE_BINARY_DIR}/emulated_cuda/${kernel_name}.cpp)
    file(CONFIGURE OUTPUT ${emulated_source} CONTENT "#include \"${kernel_source}\"\n")
    list(APPEND emulated_sources ${emulated_source})
  endforeach()
  add_library(amalgam_emulated_cuda STATIC ${emulated_sources})
  # Its headers stand in for those of CUDA and for two of ours.
  target_include_directories(amalgam_emulated_cuda BEFORE PRIVATE ${tests_dir}/emulated_cuda)
  target_compile_options(amalgam_emulated_cuda PRIVATE -Wno-unknown-pragmas)
  target_link_libraries(amalgam_emulated_cuda PRIVATE amalgam_flags)
  target_link_libraries(cuda_emulated_test PRIVATE amalgam_emulated_cuda)
endif()

add_library(fake_cublas MODULE ${tests_dir}/fake_cublas/cublas.cpp)
set_target_properties(fake_cublas PROPERTIES OUTPUT_NAME cublas SUFFIX .so.13
                                             LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fake_cublas)
target_link_libraries(fake_cublas PRIVATE amalgam_flags)
foreach(test_name cuda_emulated_test cuda_cublas_test)
  if(NOT TARGET ${test_name})
    continue()
  endif()
  target_compile_definitions(${test_name} PRIVATE FAKE_CUBLAS_DIR="${CMAKE_BINARY_DIR}/fake_cublas")
  add_dependencies(${test_name} fake_cublas)
endforeach()
