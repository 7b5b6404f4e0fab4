#include "ops/cuda/cuda_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

#include "core/error.h"

namespace amalgam::ops {

namespace {

/// The folder of the file that this code was loaded from: the addon, or a program.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code unknown;
  std::filesystem::path file = std::filesystem::canonical(info.dli_fname, unknown);
  // A program found through PATH is known by its bare name only.
  if (unknown) file = std::filesystem::canonical("/proc/self/exe", unknown);
  return unknown ? std::filesystem::path() : file.parent_path();
}

std::string loader_words() {
  const char* words = ::dlerror();
  return words != nullptr ? words : "no reason given";
}

}  // namespace

void check_cuda(int32_t status, const AmalgamFailure& failure) {
  if (status != 0) throw core::Error("cuda-error", failure.message);
}

CudaLibrary open_cuda_library() { return open_cuda_library(own_folder().string()); }

CudaLibrary open_cuda_library(const std::string& folder) {
  CudaLibrary cuda;
  const std::filesystem::path file = std::filesystem::path(folder) / "libamalgam_cuda.so";
  std::error_code missing;
  cuda.compiled = std::filesystem::exists(file, missing);
  const auto refuse = [&](const std::string& reason) {
    cuda.reason = reason;
    return cuda;
  };

  if (::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL) == nullptr) {
    return refuse("no NVIDIA driver (libcuda.so.1 was not found)");
  }
  if (!cuda.compiled) return refuse("Amalgam was built without CUDA (nvcc was not found then)");
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return refuse("the CUDA library cannot be loaded: " + loader_words());

  const auto entry = reinterpret_cast<AmalgamBackendEntry>(::dlsym(library, AMALGAM_BACKEND_ENTRY));
  const AmalgamBackend* backend = entry != nullptr ? entry() : nullptr;
  if (backend == nullptr || backend->version != AMALGAM_BACKEND_VERSION || backend->size != sizeof(AmalgamBackend)) {
    return refuse("the CUDA library is of another version than the program; build it again");
  }
  AmalgamFailure failure{};
  int32_t count = 0;
  if (backend->device_count(&count, &failure) != 0) {
    return refuse(std::string("the driver refuses: ") + failure.message + "; CUDA 13 needs driver 580 or later");
  }
  if (count == 0) return refuse("no NVIDIA graphics card was found");
  cuda.backend = backend;
  cuda.device_count = count;
  return cuda;
}

}  // namespace amalgam::ops
