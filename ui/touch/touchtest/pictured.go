package touchtest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"

	"github.com/chromedp/chromedp"
)

// Of a picture in a page of ours: cells are so many pixels wide and high, and the mean of one may differ by so much of 65535.
const (
	cell   = 8
	differ = 65535 / 12
)

// Pictured wants the page to look as the picture in a file does, which a page of ours shows; with HONNIN_PICTURES=write in the
// environment it writes the file anew, in 32 greys and blues that a screen of ours is made of.
func (b *Browser) Pictured(path string) {
	b.tb.Helper()
	now, err := b.capture()
	if err == nil && os.Getenv("HONNIN_PICTURES") == "write" {
		err = save(path, now)
	}
	if err != nil {
		b.tb.Fatal(err)
	}
	kept, err := load(path)
	if err != nil {
		b.tb.Fatal(err)
	}
	if n, of := unlike(kept, now); n > of/500 {
		b.tb.Errorf("%s shows another screen: %d of %d places differ (HONNIN_PICTURES=write writes it anew)", path, n, of)
	}
}

func (b *Browser) capture() (image.Image, error) {
	ctx, cancel := context.WithTimeout(b.ctx, Limit)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return nil, err
	}
	return png.Decode(bytes.NewReader(shot))
}

func load(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return png.Decode(f)
}

func save(path string, m image.Image) (err error) {
	var colours color.Palette
	for i := range 32 {
		v := uint8(i * 255 / 31)
		colours = append(colours, color.NRGBA{v, v, v, 255}, color.NRGBA{v / 3, v/2 + 20, v/2 + 60, 255})
	}
	small := image.NewPaletted(m.Bounds(), colours)
	draw.Draw(small, m.Bounds(), m, m.Bounds().Min, draw.Src)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, small)
}

// unlike counts the cells in which two pictures differ.
func unlike(a, b image.Image) (n, of int) {
	r := a.Bounds().Union(b.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y += cell {
		for x := r.Min.X; x < r.Max.X; x += cell {
			of++
			at := image.Rect(x, y, x+cell, y+cell)
			if d := mean(a, at) - mean(b, at); max(d, -d) > differ {
				n++
			}
		}
	}
	return n, of
}

// mean is how light a part of a picture is.
func mean(m image.Image, r image.Rectangle) (sum int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			sum += int(color.Gray16Model.Convert(m.At(x, y)).(color.Gray16).Y)
		}
	}
	return sum / (cell * cell)
}
