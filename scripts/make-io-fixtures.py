#!/usr/bin/env python3
"""Makes packages/io/fixtures: small volumes written by other implementations, for packages/io's tests.

usage: python scripts/make-io-fixtures.py
Needs numpy, h5py, zarr 3, tifffile, pillow. The volume is a formula that the tests compute again.
"""
import os
import shutil
import sys

import h5py
import numpy as np
import tifffile
import zarr
from PIL import Image

OUT = os.path.join(os.path.dirname(__file__), '..', 'packages', 'io', 'fixtures')
SHAPE = (5, 12, 18)
VOXEL = (40.0, 8.0, 4.0)

z, y, x = np.indices(SHAPE)
RAW = ((z * 37 + y * 11 + x * 7) % 251).astype(np.uint8)
LABELS = (1 + x // 6 + 3 * (y // 6) + 6 * (z // 2)).astype(np.uint64)
WIDE = LABELS + np.where(LABELS % 2 == 1, np.uint64(2**40), np.uint64(0))
# Large and busy enough for LZW codes of every width and for table resets.
NOISE = np.array([(i * i * 40503 >> 3) & 0xFFFF for i in range(96 * 80)], np.uint16).reshape(96, 80)


def path(*names):
    full = os.path.join(OUT, *names)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def hdf5():
    options = dict(chunks=(4, 8, 8), compression='gzip', shuffle=True)
    with h5py.File(path('cremi.h5'), 'w') as f:
        for name, data in (('volumes/raw', RAW), ('volumes/labels/neuron_ids', LABELS)):
            d = f.create_dataset(name, data=data, **options)
            d.attrs['resolution'] = VOXEL
            d.attrs['offset'] = (0.0, 0.0, 0.0)
    with h5py.File(path('wide-ids.h5'), 'w') as f:
        f.create_dataset('volumes/labels/neuron_ids', data=WIDE, **options)
    with h5py.File(path('late-wide-ids.h5'), 'w') as f:  # none in the first chunks
        f.create_dataset('volumes/labels/neuron_ids', data=np.where(z < 4, LABELS, WIDE), **options)
        skipped = f.create_dataset('unshuffled', data=LABELS, **{**options, 'chunks': (1, 12, 18)})
        skipped.id.write_direct_chunk((1, 0, 0), LABELS[1].tobytes(), filter_mask=3)
    with h5py.File(path('lzf.h5'), 'w') as f:
        f.create_dataset('volumes/raw', data=RAW, chunks=(4, 8, 8), compression='lzf')
    with h5py.File(path('other-names.h5'), 'w') as f:
        f.create_dataset('em', data=RAW[None])
        f.create_dataset('em-float', data=RAW.astype(np.float32))
        f.create_dataset('segmentation', data=LABELS.astype(np.uint32))
        f.create_dataset('table', data=np.arange(7))
        f['em'].attrs['element_size_um'] = (0.04, 0.008, 0.004)


def hdf5_kinds():
    # One dataset for every way of storing, named for it. The first ones are read in script, those under `library`
    # by the HDF5 library. More names than fit one node of a group's index.
    for name, libver in (('hdf5-kinds.h5', 'earliest'), ('hdf5-links.h5', ('v110', 'v110'))):
        with h5py.File(path(name), 'w', libver=libver) as f:
            for i in range(20):
                f.create_group(f'plain/other/{i:02}')
            plain, library = f['plain'], f.create_group('library')
            plain.create_dataset('contiguous', data=RAW)
            plain.create_dataset('signed', data=-RAW.astype(np.int16))
            plain.create_dataset('section', data=RAW[0])
            plain['contiguous'].attrs['resolution'] = np.array(VOXEL, np.float32)
            plain['signed'].attrs['voxel_size'] = np.array(VOXEL, np.int64)
            plain['signed'].attrs['name'] = 'a text'
            for number in ('u2', 'u4', 'u8', 'f4', 'f8'):
                # version 4 layouts, which only newer files have, are the library's
                where = plain if libver == 'earliest' else library
                where.create_dataset(f'chunked-{number}', data=RAW.astype(number), chunks=(2, 5, 7), shuffle=True,
                                     compression='gzip')
            if libver != 'earliest':
                library['soft'] = h5py.SoftLink('/plain/contiguous')
                continue
            plain.create_dataset('one-by-one', data=RAW, chunks=(1, 1, 5))
            plain.create_dataset('chunked-section', data=RAW[0], chunks=(5, 7), compression='gzip')
            plain.create_dataset('four-axes', data=RAW[None], chunks=(1, 2, 12, 18), compression='gzip')
            partly = plain.create_dataset('unwritten', SHAPE, np.uint8, chunks=(4, 6, 18))
            partly[:4] = RAW[:4]
            mixed = plain.create_dataset('skipped-filter', SHAPE, np.uint16, chunks=(1, 12, 18), shuffle=True,
                                         compression='gzip')
            mixed[...] = RAW
            mixed.id.write_direct_chunk((1, 0, 0), RAW[1].astype('<u2').tobytes(), filter_mask=3)
            library.create_dataset('big-endian', data=RAW.astype('>u2'))
            library.create_dataset('checked', data=RAW, chunks=(2, 12, 18), fletcher32=True)
            library.create_dataset('filled', SHAPE, np.uint8, chunks=(4, 6, 18), fillvalue=7)[...] = RAW
            library['soft'] = h5py.SoftLink('/plain/contiguous')


def axes(unit):
    names = 'czyx'
    return [dict(name=n, type='channel') if n == 'c' else dict(name=n, type='space', unit=unit) for n in names]


def multiscale(unit, scale):
    return dict(axes=axes(unit), datasets=[dict(path='0', coordinateTransformations=[
        dict(type='scale', scale=[1.0, *scale])])])


def zarrs():
    # OME-Zarr 0.4: Zarr v2, blosc, keys with dots, big-endian uint16, two channels.
    group = zarr.open_group(path('ome-0.4.zarr'), mode='w', zarr_format=2)
    group.attrs['multiscales'] = [dict(version='0.4', **multiscale('micrometer', [v / 1000 for v in VOXEL]))]
    data = np.stack([RAW, 250 - RAW]).astype('>u2')
    array = group.create_array('0', shape=data.shape, chunks=(1, 3, 8, 18), dtype='>u2')
    array[...] = data
    # OME-Zarr 0.5: Zarr v3, sharded, zstd, labels inside.
    group = zarr.open_group(path('ome-0.5.zarr'), mode='w', zarr_format=3)
    group.attrs['ome'] = dict(version='0.5', multiscales=[multiscale('nanometer', VOXEL)])
    array = group.create_array('0', shape=(1, *SHAPE), chunks=(1, 2, 6, 6), shards=(1, 4, 12, 18), dtype='u1',
                               compressors=zarr.codecs.ZstdCodec(level=3))
    array[...] = RAW[None]
    labels = group.create_group('labels')
    labels.attrs['ome'] = dict(version='0.5', labels=['neurons'])
    inner = labels.create_group('neurons')
    inner.attrs['ome'] = {'version': '0.5', 'image-label': {}, 'multiscales': [multiscale('nanometer', VOXEL)]}
    array = inner.create_array('0', shape=(1, *SHAPE), chunks=(1, 5, 12, 18), dtype='u8',
                               compressors=zarr.codecs.BloscCodec(cname='lz4', shuffle='bitshuffle'))
    array[...] = LABELS[None]
    # Bare arrays: v2 in Fortran order with zlib; v3 with axes turned round and no compression.
    import numcodecs
    array = zarr.create_array(path('fortran.zarr'), shape=SHAPE, chunks=(2, 12, 9), dtype='u1', order='F',
                              zarr_format=2, compressors=numcodecs.Zlib(1))
    array[...] = RAW
    array.attrs['resolution'] = VOXEL
    array = zarr.create_array(path('xyz.zarr'), shape=SHAPE[::-1], chunks=(18, 6, 5), dtype='f4', zarr_format=3,
                              dimension_names=('x', 'y', 'z'), compressors=zarr.codecs.GzipCodec(level=5))
    array[...] = RAW.T.astype(np.float32)


def tiffs():
    tifffile.imwrite(path('imagej.tif'), RAW, imagej=True, resolution=(1000 / VOXEL[2], 1000 / VOXEL[1]),
                     metadata=dict(axes='ZYX', spacing=VOXEL[0] / 1000, unit='um'))
    tifffile.imwrite(path('big-endian.tif'), RAW.astype(np.uint16) * 257, byteorder='>', compression='zlib',
                     predictor=2, rowsperstrip=5)
    tifffile.imwrite(path('float-tiled.tif'), np.pad(RAW, ((0, 0), (0, 4), (0, 2))).astype(np.float32)[:, :12, :18],
                     tile=(16, 16), compression='zlib', bigtiff=True)
    tifffile.imwrite(path('ome-channels.ome.tif'), np.stack([RAW, 250 - RAW], 1), ome=True, metadata=dict(
        axes='ZCYX', PhysicalSizeX=VOXEL[2] / 1000, PhysicalSizeY=VOXEL[1] / 1000, PhysicalSizeZ=VOXEL[0] / 1000))
    tifffile.imwrite(path('labels-32.tif'), LABELS.astype(np.uint32), photometric='minisblack')
    tifffile.imwrite(path('planar-rgb.tif'), np.stack([RAW[0]] * 3), photometric='rgb', planarconfig='separate')
    tifffile.imwrite(path('half.tif'), RAW[0].astype(np.float16))
    Image.fromarray(NOISE).save(path('noise-lzw.tif'), compression='tiff_lzw')
    Image.fromarray(RAW[0]).save(path('lzw-predictor.tif'), compression='tiff_lzw', tiffinfo={317: 2})
    Image.fromarray((RAW[0] > 125)).save(path('bits.tif'), compression='packbits')
    Image.fromarray(RAW[0]).convert('P').save(path('palette.tif'))
    for i, compression in enumerate(('raw', 'tiff_lzw', 'packbits', 'tiff_adobe_deflate', 'raw')):
        Image.fromarray(RAW[i]).save(path('tiff-stack', f'section_{i + 8}.tif'), compression=compression)


def pngs():
    for i, number in enumerate((9, 10, 11, 13, 14)):
        Image.fromarray(RAW[i]).save(path('png-stack', f's{number}_8bit.png'))
    with open(path('png-stack', 'readme.txt'), 'w') as f:
        f.write('not an image\n')
    first = Image.fromarray(RAW[0])
    first.convert('RGB').save(path('kinds', 'rgb.png'))
    colours = np.stack([RAW[0], 250 - RAW[0], RAW[0] // 2, RAW[0]], -1)
    Image.fromarray(colours, 'RGBA').save(path('kinds', 'rgba.png'))
    Image.fromarray(np.stack([RAW[0], 255 - RAW[0]], -1), 'LA').save(path('kinds', 'grey-alpha.png'))
    Image.fromarray(RAW[0].astype(np.uint16) * 257).save(path('kinds', 'grey-16.png'))
    Image.fromarray(RAW[0] > 125).save(path('kinds', 'bits.png'))
    palette = Image.fromarray((LABELS[0] % 16).astype(np.uint8), 'P')
    palette.putpalette([v for i in range(16) for v in (i * 16, 255 - i * 16, 7)])
    palette.save(path('kinds', 'palette.png'), bits=4)


if __name__ == '__main__':
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    shutil.rmtree(OUT, ignore_errors=True)
    for make in (hdf5, hdf5_kinds, zarrs, tiffs, pngs):
        make()
