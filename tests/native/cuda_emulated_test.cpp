// The CUDA device with its kernels running on the processor, thread by thread: their arithmetic and their indexing, where no
// graphics card is. cuda_ops_test.cpp runs the same checks on a card.
#include <cstdlib>
#include <string>
#include <vector>

#include "card_checks.h"
#include "ops/cuda/cublas_library.h"
#include "ops/cuda/cuda_context.h"
#include "ops/cuda/cuda_device.h"

using namespace amalgam;
using namespace amalgam::test;

extern "C" const AmalgamBackend* amalgam_backend_entry(void);

namespace {

const ops::CublasLibrary& fake_cublas() {
  static const ops::CublasLibrary cublas = ops::open_cublas({FAKE_CUBLAS_DIR "/libcublas.so.13"});
  CHECK_EQ(cublas.reason, "");
  return cublas;
}

std::unique_ptr<ops::Device> emulated_card(const AmalgamCublas* cublas) {
  return ops::open_cuda_device(*amalgam_backend_entry(), cublas, 0, never_cancelled);
}

/// Once with the kernel of our own, once with the library in cuBLAS's place.
std::vector<Registration> register_checks() {
  std::vector<Registration> registrations;
  for (const NamedCheck& check : cuda_checks()) {
    registrations.emplace_back(check.name, [run = check.run] {
      run(*emulated_card(nullptr));
      run(*emulated_card(&fake_cublas().functions));
    });
  }
  return registrations;
}

const std::vector<Registration> registrations = register_checks();

/// The product of two rows by whatever the device uses.
float small_product(ops::Device& device) {
  Numbers x(5, 1);
  for (std::int64_t i = 0; i < 5; ++i) x(i, 0) = 2;
  const Placed placed(device, DType::BF16, x);
  const Placed out(device, DType::F32, 5, 5);
  device.linear(placed.view(), placed.view(), out.view(), ops::Into::overwrite);
  return static_cast<float>(out.read()(4, 4));
}

}  // namespace

TEST("a cuBLAS whose products are wrong, or fail, is not used") {
  for (const char* variable : {"FAKE_CUBLAS_WRONG", "FAKE_CUBLAS_FAILS"}) {
    ::setenv(variable, "1", 1);
    const auto card = emulated_card(&fake_cublas().functions);
    const float product = small_product(*card);
    ::unsetenv(variable);
    CHECK_EQ(product, 4.0f);
  }
}

TEST("the card says its name, its types and its memory, and refuses more than it has") {
  const auto card = emulated_card(nullptr);
  CHECK_EQ(card->name(), "cuda:0");
  CHECK(card->activations() == DType::BF16);
  CHECK(card->stored(DType::F32) == DType::BF16);
  CHECK_EQ(card->memory().total_bytes, std::uint64_t{1} << 30);
  const core::Error error = test::check_error("out-of-memory", [&] { card->allocate(std::size_t{5} << 30); }, AMALGAM_HERE);
  CHECK(std::string(error.what()).find("5368709120 bytes") != std::string::npos);
}

TEST("lists of whole numbers larger than the pinned memory, and many of them, arrive unbroken") {
  const AmalgamBackend& backend = *amalgam_backend_entry();
  ops::CudaContext context(backend, nullptr, 0);
  ops::CardList<std::int32_t> list(context);
  Random random(40);
  for (const std::int64_t count : {1'500'000, 300'000, 300'001, 300'001, 400'000, 500'000, 0, 1}) {
    const std::vector<std::int32_t> sent = random_ids(random, count, 1 << 30);
    const std::int32_t* on_card = list.put(sent);
    CHECK(list.put(sent) == on_card);
    std::vector<std::int32_t> received(sent.size());
    context.call(backend.copy_out, static_cast<void*>(received.data()), static_cast<const void*>(on_card),
                 static_cast<std::uint64_t>(sent.size() * sizeof(std::int32_t)));
    context.call(backend.wait);
    CHECK(received == sent);
  }
}
