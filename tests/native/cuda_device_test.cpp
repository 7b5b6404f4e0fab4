// What the CUDA device does when the card's functions fail: a table whose functions return what a test asks for.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "ops/cuda/cuda_device.h"
#include "runner.h"

using namespace amalgam;

namespace {

const core::CancelToken never;

// What the table's functions return next; reached by plain functions, which carry nothing of ours.
int32_t status = 0;
int calls = 0;

int32_t answer(AmalgamFailure* failure) {
  ++calls;
  std::snprintf(failure->message, sizeof failure->message, "status %d of the test", status);
  return status;
}

int32_t open_context(int32_t, const AmalgamCublas*, AmalgamContext** context, AmalgamFailure*) {
  *context = reinterpret_cast<AmalgamContext*>(&calls);  // only its not being null is looked at
  return 0;
}
int32_t close_context(AmalgamContext*, AmalgamFailure*) { return 0; }
int32_t allocate(int32_t, uint64_t bytes, void** memory, AmalgamFailure* failure) {
  *memory = status == 0 ? std::malloc(bytes) : nullptr;
  return answer(failure);
}
int32_t release(int32_t, void* memory, AmalgamFailure* failure) {
  std::free(memory);
  return answer(failure);
}
int32_t allocate_pinned(AmalgamContext*, uint64_t bytes, void** memory, AmalgamFailure*) {
  *memory = std::malloc(bytes);
  return 0;
}
int32_t release_pinned(AmalgamContext*, void* memory, AmalgamFailure*) {
  std::free(memory);
  return 0;
}
int32_t memory_info(AmalgamContext*, uint64_t* free_bytes, uint64_t* total_bytes, AmalgamFailure*) {
  *free_bytes = 1000;
  *total_bytes = 2000;
  return 0;
}
int32_t wait(AmalgamContext*, AmalgamFailure* failure) { return answer(failure); }
int32_t fill_zero(AmalgamContext*, void*, uint64_t, AmalgamFailure* failure) { return answer(failure); }

AmalgamBackend failing_table() {
  AmalgamBackend table{};
  table.context_open = open_context;
  table.context_close = close_context;
  table.allocate = allocate;
  table.release = release;
  table.allocate_pinned = allocate_pinned;
  table.release_pinned = release_pinned;
  table.memory_info = memory_info;
  table.wait = wait;
  table.fill_zero = fill_zero;
  status = 0;
  calls = 0;
  return table;
}

}  // namespace

TEST("an error that the card does not recover from ends the device, and nothing more is asked of it") {
  for (const int32_t lasting : {46, 214, 700, 719, 999}) {
    const AmalgamBackend table = failing_table();
    const auto card = ops::open_cuda_device(table, nullptr, 2, never);
    status = lasting;
    const core::Error error = test::check_error("device-lost", [&] { card->wait(); }, AMALGAM_HERE);
    CHECK(std::string(error.what()).find("cuda:2") != std::string::npos);
    CHECK(std::string(error.what()).find("status " + std::to_string(lasting)) != std::string::npos);
    status = 0;
    CHECK_EQ(calls, 1);
    CHECK_ERROR("device-lost", card->wait());
    CHECK_ERROR("device-lost", card->fill_zero(nullptr, 1));
    CHECK_ERROR("device-lost", card->allocate(1));
    CHECK_ERROR("device-lost", card->memory());
    card->release(&status);
    CHECK_EQ(calls, 1);
  }
}

TEST("other errors are told and leave the device usable") {
  const AmalgamBackend table = failing_table();
  const auto card = ops::open_cuda_device(table, nullptr, 0, never);
  for (const int32_t passing : {1, 98, AMALGAM_CUBLAS_STATUS + 13}) {
    status = passing;
    CHECK_ERROR("cuda-error", card->wait());
    status = 0;
    card->wait();
  }
}

TEST("too little memory is said with the bytes asked for and those that are free") {
  const AmalgamBackend table = failing_table();
  const auto card = ops::open_cuda_device(table, nullptr, 0, never);
  status = 2;
  const core::Error error = test::check_error("out-of-memory", [&] { card->allocate(123456); }, AMALGAM_HERE);
  CHECK(std::string(error.what()).find("123456 bytes") != std::string::npos);
  CHECK(std::string(error.what()).find("1000 of 2000") != std::string::npos);
  status = 0;
  void* memory = card->allocate(8);
  CHECK(memory != nullptr);
  card->release(memory);
}

TEST("a cancelled job asks the card for no more operators") {
  core::CancelToken cancel;
  const AmalgamBackend table = failing_table();
  const auto card = ops::open_cuda_device(table, nullptr, 0, cancel);
  cancel.request();
  CHECK_ERROR("cancelled", card->add({}, {}));
  CHECK_ERROR("cancelled", card->upload(nullptr, nullptr, 0));
  card->wait();
}
