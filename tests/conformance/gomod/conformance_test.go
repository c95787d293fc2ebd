// Package conformance_test hands the upstream suite to `go test`; every choice comes as a flag of the suite.
package conformance_test

import (
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
)

func TestConformance(t *testing.T) {
	conformance.RunConformance(t)
}
