// What JavaScript sees of the native core: devices() and startJob(kind, requestJson, onProgress).
#include <napi.h>

#include "addon/async_job.h"
#include "ops/cuda/devices.h"

namespace {

Napi::Value devices(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), amalgam::ops::describe_devices().dump());
}

Napi::Value start_job(const Napi::CallbackInfo& info) {
  if (info.Length() != 3 || !info[0].IsString() || !info[1].IsString() || !info[2].IsFunction()) {
    throw Napi::TypeError::New(info.Env(), "startJob(kind: string, requestJson: string, onProgress: function)");
  }
  return amalgam::addon::AsyncJob::start(info.Env(), info[0].As<Napi::String>(), info[1].As<Napi::String>(),
                                         info[2].As<Napi::Function>());
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("devices", Napi::Function::New(env, devices, "devices"));
  exports.Set("startJob", Napi::Function::New(env, start_job, "startJob"));
  return exports;
}

}  // namespace

NODE_API_MODULE(amalgam, initialize)
