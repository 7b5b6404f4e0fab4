// Finding cuBLAS on the machine. It is never shipped and never linked: its functions are looked up by name, through
// prototypes of our own.
#pragma once

#include <string>
#include <vector>

#include "ops/backend.h"

namespace amalgam::ops {

/// cuBLAS, or in words why there is none. Once opened it stays in the process.
struct CublasLibrary {
  AmalgamCublas functions{};
  std::string file;    ///< what was opened; empty when there is none
  std::string reason;  ///< empty when there is one
};

/// Names and files to try, in order: the file or folder that the variable AMALGAM_CUBLAS names (alone when it is set), the
/// loader's path, CUDA_HOME/lib64, /usr/local/cuda*/lib64, and the packages of NVIDIA beside Python. Versions 13, 12, 11.
std::vector<std::string> cublas_candidates();

/// Opens the first candidate that has all the functions.
CublasLibrary open_cublas(const std::vector<std::string>& candidates);

/// The machine's cuBLAS, looked for once per process.
const CublasLibrary& find_cublas();

}  // namespace amalgam::ops
