#include "addon/async_job.h"

#include <system_error>
#include <utility>

#include "core/wire.h"

namespace amalgam::addon {

namespace {

// From here to the end of the namespace, and in wake() and settle(), Node-API is called in C. While an environment is
// being torn down every call that could run JavaScript answers with a status; the C++ wrapper would make each of them
// an exception, and making that calls JavaScript again. The statuses are ignored on purpose: the only thing that can
// make these calls fail is an environment that is ending, and then nobody is left to be told.

napi_value to_js_text(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

napi_value to_js_error(napi_env env, const core::Error& error) {
  napi_value object = nullptr;
  napi_create_error(env, to_js_text(env, error.code), to_js_text(env, error.what()), &object);
  const auto set = [&](const char* key, const std::string& text) {
    if (!text.empty()) napi_set_named_property(env, object, key, to_js_text(env, text));
  };
  set("path", error.path);
  set("tensor", error.tensor);
  set("hint", error.hint);
  return object;
}

/// Calls the progress callback. What it throws becomes an uncaught exception, as from any callback of the event loop.
void tell_progress(napi_env env, napi_value on_progress, const std::string& json) {
  napi_value nothing = nullptr;
  napi_get_undefined(env, &nothing);
  const napi_value argument = to_js_text(env, json);
  if (napi_call_function(env, nothing, on_progress, 1, &argument, nullptr) == napi_ok) return;
  bool pending = false;
  napi_value exception = nullptr;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

}  // namespace

AsyncJob::AsyncJob(Napi::Env env, std::string kind, std::string request)
    : kind_(std::move(kind)), request_(std::move(request)) {
  NAPI_THROW_IF_FAILED_VOID(env, napi_create_promise(env, &deferred_, &promise_));
}

Napi::Object AsyncJob::start(Napi::Env env, std::string kind, std::string request, Napi::Function on_progress) {
  auto job = std::make_shared<AsyncJob>(env, std::move(kind), std::move(request));
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", job->promise_);
  handle.Set("cancel",
             Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->cancel_.request(); }, "cancel"));

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
    const jobs::JobFunction function = jobs::find_job(kind_);
    const core::Json request = core::Json::parse(request_);
    core::Progress progress(
        [this](const core::ProgressReport& report) { post_progress(core::to_json(report).dump()); });
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
  if (progress) tell_progress(env, on_progress, *progress);
  if (outcome) job->settle(env, *outcome);
}

void AsyncJob::settle(napi_env env, const Outcome& outcome) {
  napi_remove_env_cleanup_hook(env, environment_ends, this);
  if (thread_.joinable()) thread_.join();
  if (outcome.error) {
    napi_reject_deferred(env, deferred_, to_js_error(env, *outcome.error));
  } else {
    napi_resolve_deferred(env, deferred_, to_js_text(env, outcome.result));
  }
  wake_up_.Release();
}

}  // namespace amalgam::addon
