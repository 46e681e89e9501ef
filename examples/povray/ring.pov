// Equal spheres on a ring around a mirror turn by one place in 24 frames, so
// that the animation repeats without a seam. clock is the frame's number.
#version 3.7;
global_settings { assumed_gamma 1.0 }

#declare Balls = 8;
#declare Turn = 360 / Balls * clock / 24;

camera { location <0, 3.2, -7> look_at <0, 0.6, 0> angle 45 }
light_source { <6, 9, -8> rgb 1 area_light <2, 0, 0>, <0, 2, 0>, 4, 4 jitter }
background { rgb <0.55, 0.7, 0.9> }

plane {
    y, 0
    pigment { checker rgb <0.9, 0.9, 0.85>, rgb <0.35, 0.4, 0.45> }
    finish { reflection 0.1 }
}

sphere {
    <0, 1, 0>, 1
    pigment { rgb 0.1 }
    finish { reflection 0.8 specular 0.6 roughness 0.01 }
}

#for (I, 0, Balls - 1)
    sphere {
        <2.2, 0.35, 0>, 0.35
        pigment { rgb <0.85, 0.25, 0.15> }
        finish { phong 0.8 reflection 0.15 }
        rotate y * (Turn + 360 / Balls * I)
    }
#end
