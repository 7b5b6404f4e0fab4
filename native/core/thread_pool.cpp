#include "core/thread_pool.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <system_error>

#include "core/error.h"

namespace amalgam::core {

namespace {

struct Share {
  std::int64_t begin;
  std::int64_t end;
};

/// The part of [0, count) for one of `workers`; the first count % workers of them get one more.
Share share_of(std::int64_t count, int workers, int worker) {
  const std::int64_t base = count / workers;
  const std::int64_t extra = count % workers;
  const std::int64_t begin = worker * base + std::min<std::int64_t>(worker, extra);
  return {begin, begin + base + (worker < extra ? 1 : 0)};
}

}  // namespace

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  if (threads < 1 || threads > 1024) {
    throw Error("request-invalid", "threads must be from 1 to 1024, not " + std::to_string(threads) + ".");
  }
  failures_.resize(static_cast<std::size_t>(threads));
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { work(worker); });
  } catch (const std::system_error&) {
    close();
    throw Error("out-of-memory", "The system could not start " + std::to_string(threads) + " threads.");
  }
}

ThreadPool::~ThreadPool() { close(); }

void ThreadPool::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  begin_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::parallel_for(std::int64_t count, const Body& body) {
  {
    const std::lock_guard lock(mutex_);
    if (busy_) throw std::logic_error("ThreadPool::parallel_for was called while a loop is running");
    busy_ = true;
    count_ = count;
    body_ = &body;
    pending_ = threads_ - 1;
    ++round_;
  }
  begin_.notify_all();
  run_share(0);

  std::unique_lock lock(mutex_);
  end_.wait(lock, [this] { return pending_ == 0; });
  body_ = nullptr;
  busy_ = false;
  std::exception_ptr first;
  for (std::exception_ptr& failure : failures_) {
    if (failure && !first) first = failure;
    failure = nullptr;
  }
  lock.unlock();
  if (first) std::rethrow_exception(first);
}

void ThreadPool::work(int worker) {
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    begin_.wait(lock, [&] { return closing_ || round_ != seen; });
    if (closing_) return;
    seen = round_;
    lock.unlock();
    run_share(worker);
    lock.lock();
    if (--pending_ == 0) end_.notify_one();
  }
}

void ThreadPool::run_share(int worker) noexcept {
  const Share share = share_of(count_, threads_, worker);
  if (share.begin >= share.end) return;
  try {
    (*body_)(share.begin, share.end, worker);
  } catch (...) {
    failures_[static_cast<std::size_t>(worker)] = std::current_exception();
  }
}

}  // namespace amalgam::core
