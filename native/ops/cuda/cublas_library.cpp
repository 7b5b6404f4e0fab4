#include "ops/cuda/cublas_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace amalgam::ops {

namespace {

namespace fs = std::filesystem;

constexpr const char* sonames[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11"};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Folders in `folder` whose name begins with `prefix`, the last name first. A folder that cannot be read has none.
std::vector<fs::path> folders_named(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  std::error_code unreadable;
  for (fs::directory_iterator entry(folder, unreadable), end; !unreadable && entry != end; entry.increment(unreadable)) {
    std::error_code unknown;
    if (entry->path().filename().string().rfind(prefix, 0) == 0 && entry->is_directory(unknown)) {
      found.push_back(entry->path());
    }
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

void add_folder(std::vector<std::string>& files, const fs::path& folder) {
  std::error_code unknown;
  for (const char* soname : sonames) {
    if (fs::exists(folder / soname, unknown)) files.push_back((folder / soname).string());
  }
}

/// The packages of NVIDIA that PyTorch brings along, below the folders where Python keeps packages.
void add_python_packages(std::vector<std::string>& files) {
  std::vector<fs::path> roots;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (!variable(name).empty()) roots.emplace_back(variable(name));
  }
  if (!variable("HOME").empty()) roots.push_back(fs::path(variable("HOME")) / ".local");
  for (const char* root : {"/usr/local", "/usr", "/opt/conda"}) roots.emplace_back(root);
  for (const fs::path& root : roots) {
    for (const fs::path& python : folders_named(root / "lib", "python3")) {
      for (const char* packages : {"site-packages", "dist-packages"}) {
        add_folder(files, python / packages / "nvidia" / "cu13" / "lib");
        add_folder(files, python / packages / "nvidia" / "cublas" / "lib");
      }
    }
  }
}

template <typename Function>
bool look_up(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool look_up_all(void* library, AmalgamCublas& functions) {
  return look_up(library, "cublasCreate_v2", functions.create) &&
         look_up(library, "cublasDestroy_v2", functions.destroy) &&
         look_up(library, "cublasSetStream_v2", functions.set_stream) &&
         look_up(library, "cublasSetWorkspace_v2", functions.set_workspace) &&
         look_up(library, "cublasSetMathMode", functions.set_math_mode) &&
         look_up(library, "cublasGemmEx", functions.gemm_ex);
}

/// cuBLAS needs its second half, which lies in the same folder but is not always looked for there.
void open_second_half(const std::string& file) {
  const std::size_t place = file.rfind("libcublas.so");
  if (place == std::string::npos || place == 0) return;
  const std::string second = file.substr(0, place) + "libcublasLt.so" + file.substr(place + 12);
  std::error_code unknown;
  // Where this fails, so does opening the first half, which then says why.
  if (fs::exists(second, unknown)) static_cast<void>(::dlopen(second.c_str(), RTLD_NOW | RTLD_LOCAL));
}

}  // namespace

std::vector<std::string> cublas_candidates() {
  std::vector<std::string> files;
  const std::string wanted = variable("AMALGAM_CUBLAS");
  std::error_code unknown;
  if (!wanted.empty()) {
    if (!fs::is_directory(wanted, unknown)) return {wanted};
    add_folder(files, wanted);
    return files;
  }
  files.assign(std::begin(sonames), std::end(sonames));
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"}) {
    if (!variable(name).empty()) add_folder(files, fs::path(variable(name)) / "lib64");
  }
  for (const fs::path& toolkit : folders_named("/usr/local", "cuda")) add_folder(files, toolkit / "lib64");
  add_python_packages(files);
  return files;
}

CublasLibrary open_cublas(const std::vector<std::string>& candidates) {
  CublasLibrary cublas;
  std::string last = "not found";
  for (const std::string& file : candidates) {
    open_second_half(file);
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* words = ::dlerror();
      // That a bare name is not on the loader's path is no news; why a file that is there does not open, is.
      if (file.find('/') != std::string::npos && words != nullptr) last = words;
      continue;
    }
    if (look_up_all(library, cublas.functions)) {
      cublas.file = file;
      return cublas;
    }
    last = file + " lacks a function that is needed";
    ::dlclose(library);
  }
  cublas.functions = {};
  cublas.reason = "cuBLAS: " + last + "; matrix products run on a slower kernel of our own. Set AMALGAM_CUBLAS to the file "
                  "libcublas.so.13 or its folder.";
  return cublas;
}

const CublasLibrary& find_cublas() {
  static const CublasLibrary cublas = open_cublas(cublas_candidates());
  return cublas;
}

}  // namespace amalgam::ops
