#include "ops/cuda/devices.h"

#include <string>

#include "core/build_info.h"
#include "core/cpu.h"
#include "ops/cuda/cublas_library.h"
#include "ops/cuda/cuda_library.h"

namespace amalgam::ops {

using core::Json;

namespace {

Json describe_cuda(const CudaLibrary& cuda) {
  Json devices = Json::array();
  std::string reason = cuda.reason;
  for (int device = 0; device < cuda.device_count; ++device) {
    AmalgamDeviceInfo info{};
    AmalgamFailure failure{};
    if (cuda.backend->device_info(device, &info, &failure) != 0) {
      reason = "device " + std::to_string(device) + " does not answer: " + failure.message;
      continue;
    }
    devices.push(Json::object(
        {{"name", info.name},
         {"totalBytes", info.total_bytes},
         {"freeBytes", info.free_bytes},
         {"computeCapability", std::to_string(info.compute_major) + "." + std::to_string(info.compute_minor)}}));
  }
  const bool available = !devices.as_array("devices").empty();
  if (available && reason.empty()) reason = find_cublas().reason;
  return Json::object({{"available", available}, {"reason", reason}, {"devices", std::move(devices)}});
}

}  // namespace

Json describe_devices() {
  const CudaLibrary cuda = open_cuda_library();
  return Json::object(
      {{"cpu", Json::object({{"name", core::processor_name()},
                             {"threads", core::hardware_threads()},
                             {"instructions", core::instruction_set_name(core::best_instruction_set())}})},
       {"cuda", describe_cuda(cuda)},
       {"build", Json::object({{"version", core::build_version()},
                               {"compiler", core::build_compiler()},
                               {"cudaCompiled", cuda.compiled},
                               {"id", core::build_id()}})}});
}

}  // namespace amalgam::ops
