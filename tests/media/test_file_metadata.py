"""Fields that files carry: EXIF, IPTC, XMP, Windows' tags, each written here by its description."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.media.test_opening import tiff, with_exif
from twinlens.media import images
from twinlens.media.captions import Caption, Captions, dates, inside, xmp
from twinlens.media.captions.boilerplate import is_boilerplate

PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmp:Rating="4" exif:DateTimeOriginal="2019-05-03T14:22:10.50+02:00" exif:GPSLatitude="48,8.5N"
 exif:GPSLongitude='11,34,30W' tiff:Make="Canon" tiff:Model="Canon EOS 5D">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Tom &amp; Ann</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>cafe\u0301</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
OF_PACKET = {
    "title": "Tom & Ann",
    "keywords": ["sea", "caf\u00e9"],
    "rating": 4,
    "taken": "2019-05-03T14:22:10+02:00",
    "taken_from": "xmp",
    "latitude": 48.1416667,
    "longitude": -11.575,
    "camera": "Canon EOS 5D",
}


def picture(path, **how):
    Image.fromarray(np.zeros((4, 6, 3), dtype=np.uint8)).save(path, **how)
    return path


def exif(**how) -> Image.Exif:
    data = Image.Exif()
    data[0x010F], data[0x0110], data[0x4746] = "NIKON CORPORATION", "NIKON D90", 5
    data[0x9C9B], data[0x9C9E] = "Am Meer\0".encode("utf-16-le"), "sea;beach\0".encode("utf-16-le")
    data[0x0112] = how.get("orientation", 1)
    inner = data.get_ifd(0x8769)
    inner[0x9003], inner[0x9011], inner[0xA434] = "2019:05:31 23:59:59", "+02:00", "50mm f/1.8"
    place = data.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "S", (33.0, 51.0, 30.0), "E", (151.0, 12.0, 0.0)
    return data


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_exif(tmp_path, ending, orientation):
    path = picture(tmp_path / f"a.{ending}", exif=exif(orientation=orientation))
    size, carried = inside(path)
    assert size == ((4, 6) if orientation > 4 else (6, 4))
    assert carried.metadata == {
        "taken": "2019-05-31T23:59:59+02:00",
        "taken_from": "exif",
        "camera": "NIKON D90",
        "lens": "50mm f/1.8",
        "latitude": -33.8583333,
        "longitude": 151.2,
        "rating": 5,
        "title": "Am Meer",
        "keywords": ["sea", "beach"],
    }
    assert carried.text == "Am Meer"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_a_turned_tiff(tmp_path, orientation):
    path = picture(tmp_path / "a.tif", exif=exif(orientation=orientation))
    assert inside(path)[0] == images.load(path).size == ((4, 6) if orientation > 4 else (6, 4))


def test_xmp(tmp_path):
    assert inside(picture(tmp_path / "a.jpg", xmp=PACKET.encode()))[1] == Caption("Tom & Ann", OF_PACKET)


@pytest.mark.parametrize("name", ["a.xmp", "a.jpg.xmp", "a.XMP"])
def test_an_xmp_file_beside_the_picture(tmp_path, name):
    picture(tmp_path / "a.jpg")
    text = PACKET.replace("<dc:title>", "<dc:description>the sea</dc:description><dc:title>")
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert Captions(tmp_path).of(tmp_path / "a.jpg") == Caption("the sea", OF_PACKET)


def test_a_title_beside_the_picture_is_no_caption(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "a.xmp").write_text(PACKET, encoding="utf-8")
    assert Captions(tmp_path).of(tmp_path / "a.jpg") == Caption("", OF_PACKET)


def test_a_long_packet_of_beginnings_takes_no_time(tmp_path):
    packet = "<dc:subject>" + "<rdf:li" * 100_000 + " xmp:Rating  " * 1000 + "</dc:subject>"
    assert xmp.metadata(packet) == {}


def iptc(**values) -> bytes:
    records = b"".join(
        b"\x1c\x02" + bytes([int(tag[1:])]) + len(one.encode()).to_bytes(2, "big") + one.encode()
        for tag, several in values.items()
        for one in several
    )
    block = b"8BIM\x04\x04\x00\x00" + len(records).to_bytes(4, "big") + records + b"\0" * (len(records) % 2)
    return b"Photoshop 3.0\0" + block


def test_iptc(tmp_path):
    path = picture(tmp_path / "a.jpg")
    segment = iptc(_5=["Käse"], _25=["sea", "sand"], _55=["20190503"], _60=["142210+0200"], _120=["two boats"])
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:])
    assert inside(path)[1] == Caption(
        "two boats",
        {"title": "Käse", "keywords": ["sea", "sand"], "taken": "2019-05-03T14:22:10+02:00", "taken_from": "iptc"},
    )


def test_png_text(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A red house")
    info.add_text("Creation Time", "2019:05:03 14:22:10")
    assert inside(picture(tmp_path / "a.png", pnginfo=info))[1] == Caption(
        "A red house", {"title": "A red house", "taken": "2019-05-03T14:22:10", "taken_from": "png"}
    )


def test_nothing_and_nonsense_are_no_fields(tmp_path):
    data = Image.Exif()
    data[0x4746] = 0
    data.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    place = data.get_ifd(0x8825)
    place[2], place[4] = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    assert inside(picture(tmp_path / "a.jpg", exif=data)) == ((6, 4), Caption())


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("IMG_20190503_142210.jpg", "2019-05-03T14:22:10"),
        ("20190503_142210(1).jpg", "2019-05-03T14:22:10"),
        ("PXL_20210101_123456789.jpg", "2021-01-01T12:34:56+00:00"),
        ("IMG-20190503-WA0001.jpg", "2019-05-03"),
        ("2019-05-03 14.22.10.jpg", "2019-05-03T14:22:10"),
        ("Screenshot_2019-05-03-14-22-10-123_app.png", "2019-05-03T14:22:10"),
        ("WhatsApp Image 2019-05-03 at 14.22.10.jpeg", "2019-05-03T14:22:10"),
        ("signal-2019-05-03-142210.jpg", "2019-05-03T14:22:10"),
        ("20191399.jpg", None),
        ("20190230.jpg", None),
        ("DSC01234.jpg", None),
        ("120190503.jpg", None),
        ("2019-0503.jpg", None),
    ],
)
def test_names_of_files_tell_when(name, taken):
    assert dates.from_name(name) == taken


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2019:05:03 14:22:10", "2019-05-03T14:22:10"),
        ("2019-05-03T14:22:10Z", "2019-05-03T14:22:10+00:00"),
        ("2019-05-03", "2019-05-03"),
        ("20190503T142210-0330", "2019-05-03T14:22:10-03:30"),
        ("2019:02:30 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("", None),
    ],
)
def test_times_as_they_are_written(text, told):
    assert dates.iso(text) == told


@pytest.mark.parametrize(
    "text",
    [
        *("OLYMPUS DIGITAL CAMERA", "Created with The GIMP", "x-default", "Minolta DSC", "SONY DSC", "IMG_1234"),
        *("Exif_JPEG_PICTURE", "Created with GIMP on a Mac", "Processed with VSCO with a6 preset", "cof", "Untitled-1"),
        *("CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90", "<Samsung S760 / Kenox S760>", "Screenshot"),
        *("ASCII", "null", "Enter a title here", "LEAD Technologies Inc. V1.01", "DSC 0012", "1234", "holiday-17"),
        *("KONICA MINOLTA DIGITAL CAMERA", "KODAK Digital Still Camera", "Adobe Photoshop CS6", "holiday-17.jpg"),
        *(
            "d41d8cd98f00b204e9800998ecf8427e",
            "DCIM\\100MEDIA\\DJI_0001.JPG",
            "DCIM/100MEDIA/DJI_0002.JPG",
            "DJI_0003.JPG",
        ),
        *(
            r"C:\Users\me\Pictures\old name.jpg",
            "/home/me/My Pictures/a.PNG",
            "file:///tmp/a b.webp",
            "~/a.heic",
            "./a.tif",
        ),
        *("Picasa", "Picasa 3.0", "Image generated by Photoshop", "Image created with Adobe Photoshop CS6"),
    ],
)
def test_boilerplate(text):
    assert is_boilerplate(text, "Holiday-17.jpg")


@pytest.mark.parametrize(
    "text",
    [
        *("a dog", "Drawn by my daughter Anna", "Shot in Paris at night", "made in Italy", "Holiday", "my camera bag"),
        *("Sony Center in Berlin", "a title page", "東京の夜", "Made with apple cider", "Norm and Ann", "nothing"),
        *(
            "Image of Picasa",
            "A man / a woman.jpg",
            "see and/or hear",
            "cats/dogs",
            "the cover of /var/a.jpg",
            "Anna.jpg",
        ),
        *("Image drawn by Sony, our daughter", "the sea\\the sky", "/r/pics"),
        *("Drawn by Sony, our daughter", "Shot in Windows on the World", "Scanned from Google headquarters postcard"),
    ],
)
def test_words_of_people_are_no_boilerplate(text):
    assert not is_boilerplate(text, "Holiday-17.jpg")


def test_a_mistyped_make_is_no_camera(tmp_path):
    path = with_exif(tmp_path / "a.jpg", tiff([(0x10F, 5, 1, struct.pack("<II", 1, 1))]))  # a fraction
    assert inside(path)[1] == Caption()
