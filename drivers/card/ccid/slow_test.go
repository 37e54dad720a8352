//go:build slow

package ccid_test

func init() {
	faulty = append(faulty, "TPDU T=0", "short APDU", "TPDU T=1, the reader negotiates", "no interrupt pipe")
}
