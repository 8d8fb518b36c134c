// Bootstrap.swift · Compute/Training. How many mini-batches the gradient's covariance is estimated from (Proposition 1).

enum Bootstrap {
    /// K: so many batches are drawn at each point of a path; the first 1, 4 and 16 of the 64 make the smaller estimates. Σ_B itself,
    /// K → ∞, follows them in every list.
    static let counts = [1, 4, 16, 64]
}
