// Every operator and whole models on a graphics card, against references in double and against the processor. Skips with a line
// where there is no card. AMALGAM_CUBLAS may name a file that is no cuBLAS, to check the products of our own.
#include <vector>

#include "card_checks.h"
#include "ops/cuda/check_cublas.h"
#include "ops/cuda/cublas_library.h"
#include "ops/cuda/cuda_device.h"
#include "ops/cuda/cuda_library.h"

using namespace amalgam;
using namespace amalgam::test;

namespace {

/// The backend and a card, or the end of the test as skipped.
const AmalgamBackend& backend_or_skip() {
  const ops::CudaLibrary cuda = ops::open_cuda_library(AMALGAM_RELEASE_DIR);
  if (cuda.backend == nullptr) SKIP(cuda.reason);
  return *cuda.backend;
}

std::unique_ptr<ops::Device> card_or_skip(const AmalgamCublas* cublas) {
  return ops::open_cuda_device(backend_or_skip(), cublas, 0, never_cancelled);
}

/// Once with the kernel of our own, once with cuBLAS where there is one.
std::vector<Registration> register_checks() {
  std::vector<Registration> registrations;
  for (const NamedCheck& check : cuda_checks()) {
    registrations.emplace_back(check.name, [run = check.run] {
      run(*card_or_skip(nullptr));
      if (ops::find_cublas().reason.empty()) run(*card_or_skip(&ops::find_cublas().functions));
    });
  }
  return registrations;
}

const std::vector<Registration> registrations = register_checks();

/// Sizes of a real model.
struct LargeProduct {
  std::int64_t rows, in, out;
};

}  // namespace

TEST("cuBLAS is found, and its small product is right") {
  backend_or_skip();
  if (!ops::find_cublas().reason.empty()) SKIP(ops::find_cublas().reason);
  CHECK(ops::small_product_is_right(*card_or_skip(&ops::find_cublas().functions)));
}

TEST("products of a real model's sizes agree between the kernel of our own, cuBLAS and the processor") {
  const auto own = card_or_skip(nullptr);
  const auto processor = ops::open_device("cpu", 8, never_cancelled);
  for (const LargeProduct& size : {LargeProduct{1, 4096, 1024}, {333, 2048, 1536}, {2048, 4096, 512}}) {
    Random random(41);
    Numbers x = random_numbers(random, size.rows, size.in);
    Numbers w = random_numbers(random, size.out, size.in);
    const AlignedRows aligned;
    const auto product = [&](ops::Device& device) {
      const Placed in(device, device.activations(), x);
      const Placed weights(device, DType::BF16, w);
      const Placed out(device, DType::F32, size.rows, size.out);
      device.linear(in.view(), weights.view(), out.view(), ops::Into::overwrite);
      return out.read();
    };
    const Numbers by_own = product(*own);  // first, because it rounds x
    const Numbers expected = product(*processor);
    CHECK(relative_error(by_own, expected) < 1e-5);
    CHECK(same_bits(product(*own), by_own));
    if (!ops::find_cublas().reason.empty()) continue;
    const auto with_cublas = card_or_skip(&ops::find_cublas().functions);
    const Numbers by_cublas = product(*with_cublas);
    CHECK(relative_error(by_cublas, expected) < 1e-5);
    CHECK(same_bits(product(*with_cublas), by_cublas));
  }
}
