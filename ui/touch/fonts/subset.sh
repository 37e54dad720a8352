#!/bin/sh
# Makes static/honnin-ud-*.woff2 and the lists of their characters from BIZ UDPGothic.
#
#   apt-get install fonts-morisawa-bizud-gothic python3-fonttools python3-brotli
#   ui/touch/fonts/subset.sh
#
# Regular holds JIS X 0208 without its level-2 kanji, and the rare kanji of municipalities' names; bold holds
# what the screens' own texts need. Run it after adding a text with a new character; a test says when.
#
# English is set in Noto Sans, taken as it is from npm's @fontsource/noto-sans 5.3.0
# (files/noto-sans-latin-{400,700}-normal.woff2).
set -eu
cd "$(dirname "$0")"
from=${BIZUD:-/usr/share/fonts/truetype/bizud-gothic}
/usr/bin/python3 - <<'PY'
def jis(rows):
    for row in rows:
        for cell in range(1, 95):
            try:
                yield bytes([0xA0 + row, 0xA0 + cell]).decode("euc_jp")
            except UnicodeDecodeError:
                pass

ascii_ = [chr(c) for c in range(0x20, 0x7F)]
extra = list("¥·×÷–—‘’“”…●○−＋①②③④⑤⑥⑦⑧⑨⑩㎡〒檮鰺諫砺蘂萢鰐龍﨑髙")
texts = "".join(open(f"../locales/{l}.toml", encoding="utf-8").read() for l in ("ja", "en"))
small = set(ascii_ + extra + list(jis([1, 3, 4, 5])) + list(texts)) - set("\n\t")
large = small | set(jis(list(range(1, 9)) + list(range(16, 48))))
for name, runes in (("regular", large), ("bold", small)):
    open(f"{name}.want", "w", encoding="utf-8").write("".join(sorted(runes)))
PY
for face in regular bold; do
	upper=$(echo "$face" | sed 's/^./\U&/')
	/usr/bin/python3 -m fontTools.subset "$from/BIZUDPGothic-$upper.ttf" --text-file="$face.want" \
		--flavor=woff2 --layout-features='*' --no-hinting --desubroutinize --output-file="../static/honnin-ud-$face.woff2"
	rm "$face.want"
done
/usr/bin/python3 - <<'PY'
from fontTools.ttLib import TTFont
for face in ("regular", "bold"):
    runes = "".join(chr(c) for c in sorted(TTFont(f"../static/honnin-ud-{face}.woff2").getBestCmap()))
    lines = [runes[i:i + 64] for i in range(0, len(runes), 64)]
    open(f"{face}.txt", "w", encoding="utf-8").write("\n".join(lines) + "\n")
PY
ls -l ../static/honnin-ud-*.woff2
