#include "addon/async_job.h"

#include <system_error>
#include <utility>

#include "core/wire.h"

namespace amalgam::addon {

namespace {

Napi::Value to_js_error(Napi::Env env, const core::Error& error) {
  const Napi::Object object = Napi::Error::New(env, error.what()).Value();
  object.Set("code", error.code);
  if (!error.path.empty()) object.Set("path", error.path);
  if (!error.tensor.empty()) object.Set("tensor", error.tensor);
  if (!error.hint.empty()) object.Set("hint", error.hint);
  return object;
}

}  // namespace

AsyncJob::AsyncJob(Napi::Env env, std::string kind, std::string request)
    : kind_(std::move(kind)), request_(std::move(request)), deferred_(env) {}

Napi::Object AsyncJob::start(Napi::Env env, std::string kind, std::string request, Napi::Function on_progress) {
  auto job = std::make_shared<AsyncJob>(env, std::move(kind), std::move(request));
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", job->deferred_.Promise());
  handle.Set("cancel", Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->cancel_.request(); }, "cancel"));

  // The thread-safe function holds the job until it is torn down itself, after the last message.
  auto held = std::make_unique<std::shared_ptr<AsyncJob>>(job);
  job->wake_up_ = WakeUp::New(
      env, on_progress, "amalgam job", 0, 1, job.get(),
      [](Napi::Env, std::shared_ptr<AsyncJob>* last, AsyncJob*) { delete last; }, held.get());
  static_cast<void>(held.release());
  napi_add_env_cleanup_hook(env, environment_ends, job.get());
  try {
    job->thread_ = std::thread([raw = job.get()] { raw->work(); });
  } catch (const std::system_error&) {
    job->post_outcome({{}, core::Error("out-of-memory", "The system could not start a thread for the job.")});
  }
  return handle;
}

void AsyncJob::environment_ends(void* data) {
  auto* job = static_cast<AsyncJob*>(data);
  job->cancel_.request();
  if (job->thread_.joinable()) job->thread_.join();
  job->wake_up_.Abort();
}

void AsyncJob::work() noexcept { post_outcome(run()); }

AsyncJob::Outcome AsyncJob::run() noexcept {
  try {
    const JobFunction function = find_job(kind_);
    const core::Json request = core::Json::parse(request_);
    core::Progress progress([this](const core::ProgressReport& report) { post_progress(core::to_json(report).dump()); });
    cancel_.check();
    return {function(request, progress, cancel_).dump(), std::nullopt};
  } catch (...) {
    return {{}, core::current_error()};
  }
}

void AsyncJob::post_progress(std::string json) {
  const std::lock_guard lock(mutex_);
  progress_ = std::move(json);
  if (!std::exchange(wake_queued_, true)) wake_up_.NonBlockingCall();
}

void AsyncJob::post_outcome(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  if (!std::exchange(wake_queued_, true)) wake_up_.NonBlockingCall();
}

void AsyncJob::wake(Napi::Env env, Napi::Function on_progress, AsyncJob* job, void*) {
  if (static_cast<napi_env>(env) == nullptr) return;  // the environment is ending; its hook looks after the job
  std::optional<std::string> progress;
  std::optional<Outcome> outcome;
  {
    const std::lock_guard lock(job->mutex_);
    job->wake_queued_ = false;
    progress = std::exchange(job->progress_, std::nullopt);
    outcome = std::exchange(job->outcome_, std::nullopt);
  }
  std::optional<Napi::Error> thrown;
  try {
    if (progress) on_progress.Call({Napi::String::New(env, *progress)});
  } catch (const Napi::Error& error) {
    thrown = error;
  }
  if (outcome) job->settle(env, *outcome);
  if (thrown) throw *thrown;  // node-addon-api hands it to JavaScript as an uncaught exception
}

void AsyncJob::settle(Napi::Env env, const Outcome& outcome) {
  napi_remove_env_cleanup_hook(env, environment_ends, this);
  if (thread_.joinable()) thread_.join();
  if (outcome.error) {
    deferred_.Reject(to_js_error(env, *outcome.error));
  } else {
    deferred_.Resolve(Napi::String::New(env, outcome.result));
  }
  wake_up_.Release();
}

}  // namespace amalgam::addon
