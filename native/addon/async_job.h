// The one way in which work leaves the JavaScript thread.
//
// A job owns a thread, a stop flag and a thread-safe function. The thread never waits for JavaScript: it leaves its
// newest progress, and at the end its outcome, in the job, and posts a wake-up unless one is waiting already. So at
// most one message is queued per job, however fast progress comes.
//
// The JavaScript environment may end while the thread runs: a worker is terminated, or process.exit is called. A
// clean-up hook, registered after the thread-safe function and therefore run before that is torn down, stops and joins
// the thread.
#pragma once

#include <napi.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "jobs/job_table.h"
#include "core/error.h"

namespace amalgam::addon {

class AsyncJob {
 public:
  /// Starts `run` on its own thread. Returns { promise, cancel() }: the promise resolves to the result's JSON text, or
  /// rejects with an Error that has `code` and, where known, `path`, `tensor` and `hint`.
  static Napi::Object start(Napi::Env env, std::string kind, std::string request, Napi::Function on_progress);

  AsyncJob(Napi::Env env, std::string kind, std::string request);

 private:
  static void wake(Napi::Env env, Napi::Function on_progress, AsyncJob* job, void*);
  using WakeUp = Napi::TypedThreadSafeFunction<AsyncJob, void, &AsyncJob::wake>;

  struct Outcome {
    std::string result;
    std::optional<core::Error> error;
  };

  static void environment_ends(void* job);
  void work() noexcept;
  Outcome run() noexcept;
  void post_progress(std::string json);
  void post_outcome(Outcome outcome);
  void settle(napi_env env, const Outcome& outcome);

  const std::string kind_;
  const std::string request_;
  core::CancelToken cancel_;
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;  // valid in start() only
  WakeUp wake_up_;
  std::thread thread_;

  std::mutex mutex_;  // guards what follows, shared by the job's threads and the JavaScript thread
  bool wake_queued_ = false;
  std::optional<std::string> progress_;
  std::optional<Outcome> outcome_;
};

}  // namespace amalgam::addon
