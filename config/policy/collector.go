package policy

import (
	"crypto/x509"
	"slices"

	"honnin/config/keys"
)

// Collector is a place that is told of every incident in syslog (RFC 5424 over TLS, RFC 5425).
type Collector struct {
	ID      string
	Address string              // HOST:PORT; its certificate is in the name of HOST
	Anchors []*x509.Certificate // the CAs that its certificate chains to, at least one
}

type wireCollector struct {
	ID      string   `toml:"id"`
	Address string   `toml:"address"`
	Anchors []string `toml:"anchors"`
}

// Collectors are those that are told of every incident.
func (p *Policy) Collectors() []Collector { return slices.Clone(p.collectors) }

func (p *Policy) whoCollects(all []wireCollector, nodes []*keys.Node, f *files) error {
	for i, w := range all {
		anchors, err := f.certificates(nodes[i], "anchors", w.Anchors)
		if err != nil {
			return err
		}
		p.collectors = append(p.collectors, Collector{w.ID, w.Address, anchors})
	}
	return nil
}

func collectorKeys() []keys.Key {
	return []keys.Key{
		{Path: "collector", Form: keys.Tables, Name: "id", Label: "collector", Max: 8, Ja: "事故を syslog（TLS）で受け取る所。", En: "Who is told of every incident in syslog, over TLS (RFC 5424, RFC 5425), beside the centre."},
		{Path: "collector.id", Form: keys.Word, Need: true, Ja: "部署の名。", En: "An office."},
		{Path: "collector.address", Form: keys.Place, Need: true, Ja: "ホスト名とポート。通常 6514。証明書はこの名のもの。", En: "Host and port, usually 6514. Its certificate is in the name of this host."},
		{Path: "collector.anchors", Form: keys.PEM, List: true, Need: true, Min: 1, Max: 100, Ja: "その証明書を発行する認証局。", En: "The CAs that its certificate chains to. It knows the terminal by the certificate that the centre knows it by."},
	}
}
