//go:build deps

package deps

import (
	_ "github.com/OpenPrinting/goipp"
	_ "github.com/chromedp/chromedp"
	_ "github.com/coreos/go-systemd/v22/activation"
	_ "github.com/coreos/go-systemd/v22/daemon"
	_ "github.com/ebfe/scard"
	_ "github.com/go-json-experiment/json"
	_ "github.com/nicksnyder/go-i18n/v2/i18n"
	_ "github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	_ "github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	_ "github.com/pdfcpu/pdfcpu/pkg/pdfcpu/validate"
	_ "github.com/pelletier/go-toml/v2"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/sirupsen/logrus"
	_ "github.com/spf13/cobra"
	_ "go.etcd.io/bbolt"
	_ "golang.org/x/crypto/cryptobyte"
	_ "golang.org/x/mod/semver"
	_ "golang.org/x/net/http2"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/text/language"
	_ "pgregory.net/rapid"
)
