// Thread pool, stop flag, progress.
#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "core/wire.h"
#include "runner.h"

using namespace amalgam::core;
using std::chrono::milliseconds;

namespace {

struct Call {
  std::int64_t begin;
  std::int64_t end;
  bool operator==(const Call&) const = default;
};

/// What each worker was given; {-1, -1} for one that was not called.
std::vector<Call> partition(int threads, std::int64_t count) {
  ThreadPool pool(threads);
  std::vector<Call> calls(static_cast<std::size_t>(threads), Call{-1, -1});
  pool.parallel_for(count, [&](std::int64_t begin, std::int64_t end, int worker) {
    calls[static_cast<std::size_t>(worker)] = {begin, end};
  });
  return calls;
}

}  // namespace

TEST("every index once, in a fixed partition, for 1 to 4 threads") {
  CHECK(partition(1, 10) == (std::vector<Call>{{0, 10}}));
  CHECK(partition(3, 10) == (std::vector<Call>{{0, 4}, {4, 7}, {7, 10}}));
  CHECK(partition(4, 2) == (std::vector<Call>{{0, 1}, {1, 2}, {-1, -1}, {-1, -1}}));
  CHECK(partition(4, 0) == (std::vector<Call>(4, Call{-1, -1})));
  for (int threads = 1; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    for (std::int64_t count = 0; count < 200; ++count) {
      std::vector<int> touched(static_cast<std::size_t>(count), 0);
      pool.parallel_for(count, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) ++touched[static_cast<std::size_t>(i)];
      });
      for (const int times : touched) CHECK_EQ(times, 1);
    }
  }
}

TEST("counts near the largest number do not overflow the partition") {
  const auto calls = partition(3, std::numeric_limits<std::int64_t>::max());
  CHECK_EQ(calls[0].begin, 0);
  CHECK_EQ(calls[0].end, calls[1].begin);
  CHECK_EQ(calls[1].end, calls[2].begin);
  CHECK_EQ(calls[2].end, std::numeric_limits<std::int64_t>::max());
}

TEST("the exception of the lowest worker reaches the caller, after all have ended, and the pool stays usable") {
  for (int threads = 1; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    std::atomic<int> ended{0};
    const Error error =
        CHECK_ERROR("shape-mismatch", pool.parallel_for(threads, [&](std::int64_t, std::int64_t, int worker) {
          ++ended;
          throw Error("shape-mismatch", "worker " + std::to_string(worker));
        }));
    CHECK_EQ(std::string(error.what()), "worker 0");
    CHECK_EQ(ended.load(), threads);
    std::atomic<std::int64_t> sum{0};
    pool.parallel_for(100, [&](std::int64_t begin, std::int64_t end, int) { sum += end - begin; });
    CHECK_EQ(sum.load(), 100);
  }
}

TEST("a loop inside a loop is a bug that is told") {
  ThreadPool pool(2);
  bool told = false;
  try {
    pool.parallel_for(
        2, [&](std::int64_t, std::int64_t, int) { pool.parallel_for(1, [](std::int64_t, std::int64_t, int) {}); });
  } catch (const std::logic_error&) {
    told = true;
  }
  CHECK(told);
  pool.parallel_for(1, [](std::int64_t, std::int64_t, int) {});
}

TEST("thread counts outside 1 to 1024 are refused") {
  CHECK_ERROR("request-invalid", ThreadPool(0));
  CHECK_ERROR("request-invalid", ThreadPool(-3));
  CHECK_ERROR("request-invalid", ThreadPool(1025));
}

TEST("many short loops, many pools") {
  for (int round = 0; round < 50; ++round) {
    ThreadPool pool(4);
    std::atomic<std::int64_t> sum{0};
    for (int loop = 0; loop < 20; ++loop) {
      pool.parallel_for(7, [&](std::int64_t begin, std::int64_t end, int) { sum += end - begin; });
    }
    CHECK_EQ(sum.load(), 140);
  }
}

TEST("cancel: nothing before, an error with its code after") {
  CancelToken token;
  token.check();
  CHECK(!token.requested());
  token.request();
  token.request();
  CHECK(token.requested());
  CHECK_ERROR("cancelled", token.check());
}

TEST("progress: stages at once, at most one report per interval, completion always") {
  Progress::Time now{};
  std::vector<ProgressReport> reports;
  Progress progress([&](const ProgressReport& report) { reports.push_back(report); }, milliseconds(100),
                    [&] { return now; });

  progress.stage("read", 1000, "bytes");
  CHECK_EQ(reports.size(), 1u);
  CHECK_EQ(reports[0].stage, "read");
  CHECK_EQ(reports[0].done, 0);
  CHECK(!reports[0].eta_seconds.has_value());

  for (int step = 0; step < 500; ++step) {
    now += milliseconds(1);
    progress.advance(1);
  }
  CHECK_EQ(reports.size(), 6u);
  CHECK_EQ(reports[5].done, 500);
  CHECK_NEAR(reports[5].rate, 1000.0, 1e-9);
  CHECK_NEAR(reports[5].eta_seconds.value(), 0.5, 1e-9);

  now += milliseconds(1);
  progress.advance(600);
  CHECK_EQ(reports.size(), 7u);
  CHECK_EQ(reports[6].done, 1000);
  CHECK_NEAR(reports[6].eta_seconds.value(), 0.0, 0.0);
  progress.advance(1);
  CHECK_EQ(reports.size(), 7u);

  progress.stage("write", 2, "modules");
  progress.stage("done", 0, "modules");
  CHECK_EQ(reports.size(), 9u);
  CHECK_EQ(reports[7].unit, "modules");
  CHECK_EQ(progress.report().stage, "done");
}

TEST("progress: counts from several threads add up") {
  Progress progress;
  progress.stage("merge", 4000, "modules");
  ThreadPool pool(4);
  pool.parallel_for(4000, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) progress.advance(1);
  });
  CHECK_EQ(progress.report().done, 4000);
}

TEST("the JSON forms of progress and errors") {
  CHECK_EQ(to_json(ProgressReport{"read", 5, 10, "bytes", 2.5, 2.0}).dump(),
           R"({"stage":"read","done":5,"total":10,"unit":"bytes","rate":2.5,"etaSeconds":2})");
  CHECK_EQ(to_json(ProgressReport{"read", 0, 10, "bytes", 0.0, std::nullopt}).dump(),
           R"({"stage":"read","done":0,"total":10,"unit":"bytes","rate":0,"etaSeconds":null})");
  CHECK_EQ(to_json(Error("disk-full", "no space").at_path("/x")).dump(),
           R"({"code":"disk-full","message":"no space","path":"/x"})");
}

TEST("strangers among the exceptions get a code at the edge") {
  const auto seen = [](const std::function<void()>& action) {
    try {
      action();
    } catch (...) {
      return current_error().code;
    }
    return std::string("nothing");
  };
  CHECK_EQ(seen([] { throw Error("not-finite", "x"); }), "not-finite");
  CHECK_EQ(seen([] { throw std::bad_alloc(); }), "out-of-memory");
  CHECK_EQ(seen([] { throw std::out_of_range("x"); }), "internal-error");
  CHECK_EQ(seen([] { throw 1; }), "internal-error");
}
